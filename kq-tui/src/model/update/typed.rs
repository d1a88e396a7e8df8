//! Keys while something lies above the screen: a line is edited, a list narrowed, an entry run.

use kq_proto::monitor::v1;

use crate::model::filter::Filter;
use crate::model::keys::Action;
use crate::model::line::Line;
use crate::model::moment::{self, Typed};
use crate::model::overlay::{Command, binding_of};
use crate::model::past::Wish;
use crate::model::{Effect, Key, List, Overlay, Prompt, Purpose, Sort, State};

/// The ends of the names of files that can be written.
const ENDS: [&str; 4] = [".txt", ".ansi", ".json", ".svg"];

impl State {
    pub(super) fn type_key(&mut self, action: Action, key: Key) -> Vec<Effect> {
        if self.scroll_task(action) {
            return Vec::new();
        }
        match action {
            Action::Interrupt => return vec![Effect::Quit(130)],
            Action::Suspend => return vec![Effect::Suspend],
            Action::Repaint => return vec![Effect::Repaint],
            Action::Accept => return self.accept(),
            Action::Cancel => return self.cancel(),
            Action::ChoiceUp => self.choose(|at| at.saturating_sub(1)),
            Action::ChoiceDown => self.choose(|at| at.saturating_add(1)),
            Action::Complete => self.complete(),
            Action::Type => self.edit(|line| {
                if let Some(it) = key.text() {
                    line.put(it);
                }
            }),
            Action::DeleteBack => self.edit(Line::delete_back),
            Action::DeleteOn => self.edit(Line::delete_on),
            Action::DeleteWord => self.edit(Line::delete_word),
            Action::Clear => self.edit(Line::clear),
            Action::CursorLeft => self.edit(Line::left),
            Action::CursorRight => self.edit(Line::right),
            Action::CursorHome => self.edit(Line::home),
            Action::CursorEnd => self.edit(Line::end),
            _ => {}
        }
        Vec::new()
    }

    /// Pasted text is typed; where nothing is typed it does nothing at all.
    pub(super) fn paste(&mut self, text: &str) {
        self.edit(|line| line.paste(text));
    }

    pub(super) fn list_mut(&mut self) -> Option<&mut List> {
        match &mut self.overlay {
            Some(Overlay::Help(list) | Overlay::Palette(list)) => Some(list),
            Some(Overlay::Line(_) | Overlay::Task(_)) | None => None,
        }
    }

    fn choose(&mut self, to: impl Fn(usize) -> usize) {
        if let Some(list) = self.list_mut() {
            list.at = to(list.at).min(list.choices.len().saturating_sub(1));
        }
    }

    fn complete(&mut self) {
        let Some(list) = self.list_mut() else { return };
        let Some(typed) = list.choices.get(list.at).map(|it| it.typed.clone()) else { return };
        self.edit(|line| *line = Line::new(&typed));
    }

    /// Edits the line, and shows at once what follows from it.
    fn edit(&mut self, by: impl FnOnce(&mut Line)) {
        let Some(mut overlay) = self.overlay.take() else { return };
        match &mut overlay {
            Overlay::Help(list) => {
                by(&mut list.line);
                self.narrow_help(list);
            }
            Overlay::Palette(list) => {
                let before = list.line.text().to_owned();
                by(&mut list.line);
                if before != list.line.text() {
                    list.at = 0;
                    self.narrow_palette(list);
                }
            }
            Overlay::Line(prompt) => {
                by(&mut prompt.line);
                self.try_line(prompt);
            }
            Overlay::Task(task) => {
                if task.label().is_some() {
                    by(&mut task.line);
                    task.error = None;
                }
            }
        }
        self.overlay = Some(overlay);
    }

    /// What is typed shows its effect, or what is wrong with it.
    fn try_line(&mut self, prompt: &mut Prompt) {
        let text = prompt.line.text();
        prompt.error = match prompt.purpose {
            Purpose::Filter => match Filter::parse(self.place.screen, text) {
                Ok(filter) => {
                    if filter != self.table.filter {
                        self.set_filter(filter);
                    }
                    None
                }
                Err(why) => Some(why),
            },
            Purpose::Moment if text.trim().is_empty() => None,
            Purpose::Moment => self.read_moment(text).err(),
            Purpose::Export => wrong_path(text),
        };
    }

    pub(in crate::model) fn read_moment(&self, text: &str) -> Result<Typed, String> {
        if self.is_recording() {
            return moment::parse_recorded(text, self.now_ms(), self.zone());
        }
        // `-10m` counts from what is shown; all else has to have come by now.
        let from_ms = self.moment_asked().filter(|_| text.trim().starts_with('-'));
        moment::parse(text, from_ms.unwrap_or_else(|| self.now_ms()), self.zone())
    }

    fn cancel(&mut self) -> Vec<Effect> {
        match self.overlay.take() {
            Some(Overlay::Line(prompt))
                if prompt.purpose == Purpose::Filter && prompt.before != self.table.filter =>
            {
                self.set_filter(prompt.before);
            }
            Some(Overlay::Task(task)) => return self.leave_task(task),
            Some(Overlay::Help(_) | Overlay::Palette(_) | Overlay::Line(_)) | None => {}
        }
        Vec::new()
    }

    fn accept(&mut self) -> Vec<Effect> {
        match self.overlay.take() {
            Some(Overlay::Help(mut list) | Overlay::Palette(mut list)) => {
                if list.at >= list.choices.len() {
                    self.complain(format!("nothing is called '{}'", list.line.text()));
                    return Vec::new();
                }
                let choice = list.choices.swap_remove(list.at);
                self.run(choice.command)
            }
            Some(Overlay::Line(prompt)) => self.accept_line(prompt),
            Some(Overlay::Task(task)) => self.accept_task(task),
            None => Vec::new(),
        }
    }

    fn accept_line(&mut self, mut prompt: Prompt) -> Vec<Effect> {
        self.try_line(&mut prompt);
        if prompt.error.is_some() {
            // It stays until it is right or given up.
            self.overlay = Some(Overlay::Line(prompt));
            return Vec::new();
        }
        let text = prompt.line.text().trim();
        match prompt.purpose {
            Purpose::Moment if !text.is_empty() => match self.read_moment(text) {
                Ok(moment) => self.go(moment),
                Err(why) => {
                    self.complain(why);
                    Vec::new()
                }
            },
            Purpose::Filter | Purpose::Moment => Vec::new(),
            Purpose::Export => {
                self.effects += 1;
                vec![Effect::Export { id: self.effects, path: text.to_owned() }]
            }
        }
    }

    fn go(&mut self, moment: Typed) -> Vec<Effect> {
        match moment {
            Typed::Live => self.go_live(),
            Typed::At(at_ms) => self.travel(Wish::At(at_ms)),
            Typed::Trouble { from_ms, is_after } => {
                let step = if is_after { v1::Step::TroubleOn } else { v1::Step::TroubleBack };
                self.travel(Wish::StepFrom(step, from_ms))
            }
        }
    }

    fn run(&mut self, command: Command) -> Vec<Effect> {
        match command {
            Command::Act(action) => {
                let off = binding_of(self.place.screen, action).and_then(|it| it.off.why(self));
                match off {
                    Some(why) => self.complain(why),
                    None => return self.act(action),
                }
            }
            Command::Jump(place, filter, row) => self.jump(place, &filter, row),
            Command::Go(moment) => return self.go(moment),
            Command::Sort(column) => self.sort_by(Sort::by(column)),
            Command::Speed(speed) if self.is_recording() => {
                self.replay_speed = speed;
                return vec![self.replay()];
            }
            Command::Speed(speed) if self.moment_asked().is_some() => {
                self.past.played_at_ms = self.uptime_ms;
                self.past.speed = Some(speed);
            }
            Command::Speed(_) => self.complain("only the past plays: t or [ goes there"),
        }
        Vec::new()
    }
}

/// By its end it is known how a file is written.
fn wrong_path(text: &str) -> Option<String> {
    let name = text.trim().rsplit('/').next().unwrap_or_default();
    let fits = ENDS.iter().any(|end| name.strip_suffix(end).is_some_and(|it| !it.is_empty()));
    (!fits).then(|| format!("the file's name wants one of the ends {}", ENDS.join(" ")))
}
