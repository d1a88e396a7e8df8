//! docs/tui.md, written from the table of keys and the fields of filters.

use std::fmt::Write as _;

use super::{BINDINGS, Binding, Off, Scope};
use crate::model::filter::fields;
use crate::model::{Screen, moment};

/// The page as it is to be.
pub fn document() -> String {
    let mut page = "# kq-tui: keys and filters\n\nThis page is written from the tables that the \
        monitor itself goes by; a test compares them.\n"
        .to_owned();
    keys(&mut page, "On every screen", |it| it.scope == Scope::SCREENS || it.scope == Scope::ALL);
    keys(&mut page, "On some screens", |it| {
        it.scope != Scope::SCREENS && it.scope != Scope::ALL && !is_above(it)
    });
    keys(&mut page, "While something is typed", is_above);
    page.push_str(
        "\nLetters within 30 ms after Esc are the rest of a cut sequence and do nothing.\n",
    );
    let _ = write!(
        page,
        "\n## Moments\n`t` goes to a moment; {}. The palette (`:`) takes them too.\n",
        moment::ACCEPTED
    );
    filters(&mut page);
    page
}

fn is_above(it: &Binding) -> bool {
    [Scope::OVERLAYS, Scope::LISTS, Scope::PALETTE, Scope::READ, Scope::TASK].contains(&it.scope)
}

fn keys(page: &mut String, title: &str, of: impl Fn(&Binding) -> bool) {
    let _ = write!(
        page,
        "\n## {title}\n| key | does | where | palette | kq-ctl |\n| --- | --- | --- | --- | --- |\n"
    );
    for it in BINDINGS.iter().filter(|it| of(it)) {
        let code = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}`") };
        let keys: Vec<String> = it.keys.iter().map(|key| format!("`{key}`")).collect();
        let keys = if keys.is_empty() { it.keys_text() } else { keys.join(" ") };
        let off = match it.off {
            Off::Deed(_) => "; what it would do is shown, and a word has to be typed",
            Off::Never
            | Off::AtNow
            | Off::Live
            | Off::OneZone
            | Off::NoRow
            | Off::NoWay
            | Off::NoWayBack
            | Off::NoRecords
            | Off::Read => "",
        };
        let name = code(it.name);
        let (scope, ctl) = (it.scope.words(), code(it.kq_ctl));
        let _ = writeln!(page, "| {keys} | {}{off} | {scope} | {name} | {ctl} |", it.help);
    }
}

fn filters(page: &mut String) {
    page.push_str(
        "\n## Filters\n`/` shows only the rows of which every term is true. A word is looked for in names, in any case unless it \
         has capitals; a condition is a field, a sign and a value. `!` before a term turns it around. What is not known is neither \
         true nor false, and such a row is not shown. A value with spaces stands in double quotes.\n",
    );
    for screen in
        Screen::ALL.into_iter().filter(|it| !matches!(it, Screen::Overview | Screen::Churn))
    {
        let _ = write!(
            page,
            "\n### {}\n| field | is | accepted |\n| --- | --- | --- |\n",
            screen.name()
        );
        for it in fields(screen) {
            let names: Vec<String> = it.names.iter().map(|name| format!("`{name}`")).collect();
            let _ =
                writeln!(page, "| {} | {} | {} |", names.join(" "), it.help, it.kind.accepted());
        }
    }
}
