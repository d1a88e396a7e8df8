//! `--filter 'SIZE>10GiB'`: which items are printed.

use std::cmp::Ordering;
use std::str::FromStr;

use regex::Regex;

use super::{Cell, Row};
use crate::schema::{Schema, Type};

/// One condition on one column.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    pub(crate) column: String,
    operator: Operator,
    value: String,
    pattern: Option<Regex>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Matches,
}

/// Longer signs first, so that `>=` is not read as `>`.
const OPERATORS: &[(&str, Operator)] = &[
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("==", Operator::Equal),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("~", Operator::Matches),
];

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let at = text.find(['!', '<', '>', '=', '~']).ok_or_else(accepted)?;
        let (column, rest) = text.split_at(at);
        let (sign, operator) =
            OPERATORS.iter().find(|(sign, _)| rest.starts_with(sign)).ok_or_else(accepted)?;
        let value = rest.get(sign.len()..).unwrap_or_default().trim();
        let column = column.trim();
        if column.is_empty() {
            return Err(accepted());
        }
        if value.is_empty() {
            return Err(format!("'{text}' compares with nothing; {}", accepted()));
        }
        let pattern = (*operator == Operator::Matches).then(|| Regex::new(value)).transpose();
        let pattern = pattern.map_err(|error| {
            // The last line says what is wrong; those before draw an arrow.
            let error = error.to_string();
            let why = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("'{value}' is no regular expression: {why}; write it as in TOPIC~^team-")
        })?;
        Ok(Self {
            column: column.to_owned(),
            operator: *operator,
            value: value.to_owned(),
            pattern,
        })
    }
}

fn accepted() -> String {
    "write COLUMN and a condition: LAG>100, SIZE>=10GiB, HEALTH!=ok, TOPIC~^team-".to_owned()
}

impl Filter {
    /// Whether the value can be compared with the column's type.
    pub(crate) fn check(&self, schema: &Schema) -> Result<(), String> {
        let Some(field) = schema.field(&self.column) else { return Ok(()) };
        let numeric = field.is_number() && self.operator != Operator::Matches;
        if numeric && !self.wants_null() && number(&self.value, field.ty).is_none() {
            let (header, value) = (field.header, &self.value);
            return Err(format!("--filter {header}: '{value}' is no {}", noun(field.ty)));
        }
        Ok(())
    }

    pub(crate) fn accepts(&self, schema: &Schema, row: &Row) -> bool {
        let Some(field) = schema.field(&self.column) else { return false };
        let cell = row.get(field.name).unwrap_or(&Cell::Null).value();
        if let Some(pattern) = &self.pattern {
            return pattern.is_match(&cell.raw());
        }
        if self.wants_null() || *cell == Cell::Null {
            let equal = self.wants_null() && *cell == Cell::Null;
            return (self.operator == Operator::Equal && equal)
                || (self.operator == Operator::NotEqual && !equal);
        }
        let order = match (cell.number(), number(&self.value, field.ty)) {
            (Some(left), Some(right)) => left.partial_cmp(&right).unwrap_or(Ordering::Equal),
            _ => cell.raw().as_str().cmp(self.value.as_str()),
        };
        match self.operator {
            Operator::Equal => order.is_eq(),
            Operator::NotEqual => order.is_ne(),
            Operator::Less => order.is_lt(),
            Operator::LessOrEqual => order.is_le(),
            Operator::Greater => order.is_gt(),
            Operator::GreaterOrEqual => order.is_ge(),
            Operator::Matches => false,
        }
    }

    fn wants_null(&self) -> bool {
        self.value == "null" || self.value == "-"
    }
}

/// With the units of the column: `10GiB`, `5m`, an instant.
#[expect(clippy::cast_precision_loss, reason = "only compared")]
fn number(text: &str, ty: Type) -> Option<f64> {
    if let Ok(number) = text.parse::<f64>() {
        return Some(number);
    }
    match ty {
        Type::Size => text.parse::<bytesize::ByteSize>().ok().map(|size| size.as_u64() as f64),
        Type::Millis => {
            humantime::parse_duration(text).ok().map(|duration| duration.as_millis() as f64)
        }
        Type::Time => text.parse::<jiff::Timestamp>().ok().map(|at| at.as_millisecond() as f64),
        Type::Bool
        | Type::Int
        | Type::Rate
        | Type::Text
        | Type::Ints
        | Type::Texts
        | Type::Rows(_)
        | Type::Pairs => None,
    }
}

fn noun(ty: Type) -> &'static str {
    match ty {
        Type::Size => "size: write 1024 or 10GiB",
        Type::Millis => "duration: write 1000 or 5m",
        Type::Bool
        | Type::Int
        | Type::Rate
        | Type::Text
        | Type::Time
        | Type::Ints
        | Type::Texts
        | Type::Rows(_)
        | Type::Pairs => "number: write digits",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::row;
    use crate::schema::TOPIC_WAIT;

    fn schema() -> &'static Schema {
        &crate::schema::LOG_VERIFY
    }

    fn accepts(filter: &str) -> bool {
        let row = row! {
            file: "a.log",
            file_type: "segment",
            size_bytes: Cell::Size(3 << 30),
            sound: true,
            position: Cell::Null,
            fault: Cell::Null,
        };
        filter.parse::<Filter>().unwrap().accepts(schema(), &row)
    }

    #[test]
    fn sizes_are_compared_with_their_units() {
        assert!(accepts("SIZE>2GiB"));
        assert!(accepts("size_bytes<=3221225472"));
        assert!(!accepts("SIZE<1KiB"));
    }

    #[test]
    fn unknown_values_meet_only_conditions_about_null() {
        assert!(accepts("POSITION=null"));
        assert!(!accepts("POSITION!=-"));
        assert!(!accepts("POSITION<5"));
        assert!(accepts("POSITION!=5"));
    }

    #[test]
    fn text_is_compared_and_matched() {
        assert!(accepts("TYPE=segment"));
        assert!(accepts(r"file~\.log$"));
        assert!(!accepts("FILE~^b"));
    }

    #[test]
    fn a_value_of_another_type_is_told() {
        let filter: Filter = "SIZE>big".parse().unwrap();
        assert!(filter.check(schema()).unwrap_err().contains("10GiB"));
        assert!("".parse::<Filter>().is_err());
        assert!(">5".parse::<Filter>().is_err());
        assert!("A!5".parse::<Filter>().is_err());
        assert!("A~(".parse::<Filter>().is_err());
        assert!("WAITED>soon".parse::<Filter>().unwrap().check(&TOPIC_WAIT).is_ok());
    }
}
