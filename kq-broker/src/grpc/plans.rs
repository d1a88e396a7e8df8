//! `kq.admin.v1.Plans`.

mod ask;
mod measure;
#[cfg(test)]
mod plans_test;
mod status;
mod tell;

use kq_proto::admin::AdminError;
use kq_proto::admin::v1;
use kq_proto::admin::v1::plans_server::Plans;
use tonic::{Request, Response, Status};

use super::Admin;
use super::answer::{Answer, is_dry_run, unexpected};
use super::error::{bad_argument, of_control};
use crate::controller::plan::{
    PlanChange, PlanId, judge_order, links_left, propose, refusal, unknown_plan,
};
use crate::controller::{Command, Reply};
use crate::metadata::{Lease, PlanImage, Throttle};

/// Plans that are over and are still told to who watches.
const ENDED_PLANS_MAX: usize = 20;

const SEE_PLANS: &str = "see 'kq-ctl plan list --all' for the plans there are";

#[tonic::async_trait]
impl Plans for Admin {
    async fn propose(
        &self,
        request: Request<v1::ProposePlanRequest>,
    ) -> Answer<v1::ProposePlanResponse> {
        let image = self.node.image();
        let question = ask::request(&image, request.into_inner())?;
        let propose = |measured: &_| propose(&question, &image, &self.node.fixed, measured);
        let proposed = self.measured_plan(&image, propose).await;
        let (plan, measured) = proposed.map_err(|err| of_control(&err))?;
        let plan = tell::plan(&image, &plan, &measured);
        Ok(Response::new(v1::ProposePlanResponse { plan: Some(plan) }))
    }

    async fn apply(&self, request: Request<v1::ApplyPlanRequest>) -> Answer<v1::ApplyPlanResponse> {
        let v1::ApplyPlanRequest { plan, overrides, intent } = request.into_inner();
        let plan = plan.ok_or_else(|| bad_argument("there is no plan in the request"))?;
        let order = ask::order(plan, overrides)?;
        let image = self.node.image();
        // Here for the rules that need measuring, in the controller for the newest image.
        let judge =
            |measured: &_| Ok::<_, Status>(judge_order(&order, &image, &self.node.fixed, measured));
        let (judged, _) = self.measured_plan(&image, judge).await?;
        if judged.is_refused() {
            return Err(of_control(&refusal(&judged)).into());
        }
        let validate_only = is_dry_run(intent.as_ref());
        let command = Command::StartPlan { order, validate_only };
        let Reply::PlanStarted(id) = self.submit(intent.as_ref(), command).await? else {
            return Err(unexpected());
        };
        Ok(Response::new(v1::ApplyPlanResponse { id: id.to_string() }))
    }

    async fn list(&self, request: Request<v1::ListPlansRequest>) -> Answer<v1::ListPlansResponse> {
        let all = request.into_inner().all;
        let image = self.node.image();
        let mut plans: Vec<_> = image.plans().filter(|it| all || it.state.is_active()).collect();
        plans.sort_by_key(|it| (it.started_at, it.id));
        let figures = self.figures_of_plans(&image, &plans).await;
        let told = plans.iter().map(|it| status::plan(&image, it, &figures, self.now_ms()));
        Ok(Response::new(v1::ListPlansResponse { plans: told.collect() }))
    }

    async fn get(&self, request: Request<v1::GetPlanRequest>) -> Answer<v1::GetPlanResponse> {
        let id = plan_id(&request.into_inner().id)?;
        let image = self.node.image();
        let plan = image.plan(id).ok_or_else(|| of_control(&unknown_plan(id)))?;
        let figures = self.figures_of_plans(&image, &[plan]).await;
        let moves = plan.moves().map(|it| status::one_move(&image, it, &figures));
        Ok(Response::new(v1::GetPlanResponse {
            plan: Some(status::plan(&image, plan, &figures, self.now_ms())),
            moves: moves.collect(),
        }))
    }

    async fn pause(
        &self,
        request: Request<v1::ChangePlanRequest>,
    ) -> Answer<v1::ChangePlanResponse> {
        let v1::ChangePlanRequest { id, intent } = request.into_inner();
        self.change(&id, PlanChange::Pause, intent.as_ref()).await
    }

    async fn resume(
        &self,
        request: Request<v1::ChangePlanRequest>,
    ) -> Answer<v1::ChangePlanResponse> {
        let v1::ChangePlanRequest { id, intent } = request.into_inner();
        self.change(&id, PlanChange::Resume, intent.as_ref()).await
    }

    async fn cancel(
        &self,
        request: Request<v1::ChangePlanRequest>,
    ) -> Answer<v1::ChangePlanResponse> {
        let v1::ChangePlanRequest { id, intent } = request.into_inner();
        self.change(&id, PlanChange::Cancel, intent.as_ref()).await
    }

    async fn throttle(
        &self,
        request: Request<v1::ThrottlePlanRequest>,
    ) -> Answer<v1::ChangePlanResponse> {
        let v1::ThrottlePlanRequest { id, throttle, intent } = request.into_inner();
        let lease = self.lease(plan_id(&id)?, ask::throttle(throttle)?).await?;
        self.change(&id, PlanChange::Throttle(lease), intent.as_ref()).await
    }
}

impl Admin {
    /// Plans that are not over, and the last that are, in the order in which they were started.
    pub(super) async fn plan_rows(&self) -> Vec<v1::PlanStatus> {
        let image = self.node.image();
        let (mut plans, mut over): (Vec<_>, Vec<_>) =
            image.plans().partition(|it| it.state.is_active());
        over.sort_by_key(|it| (std::cmp::Reverse(it.ended_at), it.id));
        plans.extend(over.into_iter().take(ENDED_PLANS_MAX));
        plans.sort_by_key(|it| (it.started_at, it.id));
        let figures = self.figures_of_plans(&image, &plans).await;
        plans.iter().map(|it| status::plan(&image, it, &figures, self.now_ms())).collect()
    }

    async fn change(
        &self,
        id: &str,
        change: PlanChange,
        intent: Option<&v1::Intent>,
    ) -> Answer<v1::ChangePlanResponse> {
        let plan = plan_id(id)?;
        let validate_only = is_dry_run(intent);
        let command = Command::ChangePlan { plan, change, validate_only };
        let Reply::PlanChanged(id) = self.submit(intent, command).await? else {
            return Err(unexpected());
        };
        let mut image = self.node.image();
        if validate_only {
            let command = Command::ChangePlan { plan, change, validate_only: false };
            (_, image) = self.imagine(&image, &command)?;
        }
        let plan = image.plan(id).ok_or_else(unexpected)?;
        let figures = self.figures_of_plans(&image, &[plan]).await;
        let plan = status::plan(&image, plan, &figures, self.now_ms());
        Ok(Response::new(v1::ChangePlanResponse { plan: Some(plan) }))
    }

    /// What a throttle comes to now, for what is left of a plan.
    async fn lease(&self, id: PlanId, throttle: Throttle) -> Result<Lease, AdminError> {
        let bytes_per_second = match throttle {
            Throttle::Off => None,
            Throttle::Rate(rate) => Some(rate),
            Throttle::Auto => {
                let image = self.node.image();
                let plan = image.plan(id).ok_or_else(|| of_control(&unknown_plan(id)))?;
                let rate = self.measured_auto(&image, plan).await;
                // A plan that copies nothing more needs no rate.
                if rate.is_none() && plan.state.is_active() && !links_left(plan, &image).is_empty()
                {
                    return Err(bad_argument("auto finds no rate: nothing could be measured")
                        .hint(format!("kq-ctl plan throttle {id} 50MiB/s")));
                }
                rate
            }
        };
        Ok(Lease { throttle, bytes_per_second })
    }

    fn now_ms(&self) -> i64 {
        self.node.clock.now().0
    }
}

fn plan_id(text: &str) -> Result<PlanId, Status> {
    let wrong = |err: crate::ids::PlanIdError| bad_argument(err.to_string()).hint(SEE_PLANS).into();
    text.parse().map_err(wrong)
}

/// Whether replicas of a plan are being filled now.
fn is_under_way(plan: &PlanImage) -> bool {
    plan.left().1 > 0
}
