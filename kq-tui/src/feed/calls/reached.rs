//! Whom a call goes to.

use std::collections::BTreeMap;

use kq_proto::client::Address;

use crate::model::{Call, Refusal};

/// Brokers that can be asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::feed) struct Reached {
    /// The one that the feed watches first, then the others.
    pub(in crate::feed) order: Vec<Address>,
    /// Where each of them is, as far as that is known.
    pub(in crate::feed) by_id: BTreeMap<u32, Address>,
}

impl Reached {
    /// Any of them, unless only one knows the answer: another one's would be wrong.
    pub(super) fn whom(&self, call: &Call) -> Result<Vec<Address>, Refusal> {
        let Some(id) = call.broker() else { return Ok(self.order.clone()) };
        match self.by_id.get(&id) {
            Some(address) => Ok(vec![address.clone()]),
            None => Err(Refusal::unasked(format!("broker {id} is nowhere to be asked"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use kq_proto::admin::v1;
    use kq_proto::admin::v1::ResourceType as Type;

    use super::*;

    #[test]
    fn a_broker_is_asked_about_itself() {
        let address = |text: &str| text.parse::<Address>().unwrap();
        let reached = Reached {
            order: vec![address("a"), address("b")],
            by_id: BTreeMap::from([(1, address("a")), (2, address("b"))]),
        };
        let configs = |of: &[(Type, &str)]| {
            let resources = of.iter().map(|(kind, name)| v1::ConfigResource {
                r#type: (*kind).into(),
                name: (*name).to_owned(),
            });
            Call::DescribeConfigs(v1::DescribeConfigsRequest {
                resources: resources.collect(),
                ..Default::default()
            })
        };
        let whom = |call: &Call| {
            let found = reached.whom(call);
            found.map(|it| it.iter().map(|it| it.host().to_owned()).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(whom(&configs(&[(Type::Broker, "2")])).as_deref(), Ok("b"));
        assert_eq!(whom(&configs(&[(Type::Topic, "2")])).as_deref(), Ok("a b"));
        assert_eq!(whom(&configs(&[(Type::Cluster, "")])).as_deref(), Ok("a b"));
        let refusal = whom(&configs(&[(Type::Broker, "3")])).unwrap_err();
        assert_eq!(refusal.message, "broker 3 is nowhere to be asked");
        assert_eq!(whom(&Call::Fetch(v1::FetchRequest::default())).as_deref(), Ok("a b"));
    }
}
