//! The columns that are documented are those that the readers read.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::*;
use crate::schema::columns::{self, Holds};

/// A row with a good value in each of its columns, but for one.
struct Row {
    columns: &'static [LoadColumn],
    odd: Option<(&'static str, Odd)>,
    asked: RefCell<BTreeSet<String>>,
}

#[derive(Clone, Copy)]
enum Odd {
    Missing,
    Null,
    Integer(i128),
}

impl Row {
    fn new(columns: &'static [LoadColumn], odd: Option<(&'static str, Odd)>) -> Self {
        Self { columns, odd, asked: RefCell::default() }
    }

    fn odd(&self, column: &str) -> Option<Odd> {
        self.asked.borrow_mut().insert(column.to_owned());
        self.odd.filter(|(name, _)| *name == column).map(|(_, odd)| odd)
    }

    fn value<T>(&self, column: &str, good: impl Fn(Holds) -> T) -> Result<Option<T>, String> {
        match self.odd(column) {
            Some(Odd::Missing) => Err(format!("the statement has no column {column}")),
            Some(Odd::Null) => Ok(None),
            _ => {
                let known = self.columns.iter().find(|known| known.name == column);
                let known = known.unwrap_or_else(|| panic!("{column} is not documented"));
                Ok(Some(good(known.holds)))
            }
        }
    }
}

impl Columns for Row {
    fn has(&self, column: &str) -> bool {
        !matches!(self.odd(column), Some(Odd::Missing))
    }

    fn integer(&self, column: &str) -> Result<Option<i128>, String> {
        if let Some(Odd::Integer(value)) = self.odd(column) {
            return Ok(Some(value));
        }
        self.value(column, |holds| match holds {
            Holds::Integer(..) | Holds::Switch => 1,
            other => panic!("{column} is read as a number and documented as {other:?}"),
        })
    }

    fn text(&self, column: &str) -> Result<Option<String>, String> {
        self.value(column, |holds| match holds {
            Holds::Text => "x".to_owned(),
            other => panic!("{column} is read as text and documented as {other:?}"),
        })
    }

    fn bytes(&self, column: &str) -> Result<Option<Vec<u8>>, String> {
        self.value(column, |holds| match holds {
            Holds::Bytes(length) => vec![7; length.into()],
            Holds::Address => vec![7; 4],
            other => panic!("{column} is read as bytes and documented as {other:?}"),
        })
    }
}

fn check<R: Record>(columns: &'static [LoadColumn]) {
    let whole = Row::new(columns, None);
    assert!(R::read(&whole).is_ok(), "{}", R::TABLE);
    let documented: BTreeSet<_> = columns.iter().map(|column| column.name.to_owned()).collect();
    assert_eq!(whole.asked.into_inner(), documented, "{}", R::TABLE);
    for column in columns {
        let name = column.name;
        let reads = |odd| R::read(&Row::new(columns, Some((name, odd)))).is_ok();
        let is_optional = column.default.is_some();
        assert_eq!(reads(Odd::Missing), is_optional, "{}.{name} is missing", R::TABLE);
        assert_eq!(reads(Odd::Null), is_optional, "{}.{name} is NULL", R::TABLE);
        let (least, most) = match column.holds {
            Holds::Integer(least, most) => (i128::from(least), i128::from(most)),
            Holds::Switch => (0, 1),
            Holds::Text | Holds::Bytes(_) | Holds::Address => continue,
        };
        assert!(reads(Odd::Integer(least)), "{}.{name}: {least}", R::TABLE);
        assert!(reads(Odd::Integer(most)), "{}.{name}: {most}", R::TABLE);
        if least != i128::from(i64::MIN) {
            assert!(!reads(Odd::Integer(least - 1)), "{}.{name}: {}", R::TABLE, least - 1);
        }
        if most != i128::from(i64::MAX) {
            assert!(!reads(Odd::Integer(most + 1)), "{}.{name}: {}", R::TABLE, most + 1);
        }
    }
}

#[test]
fn the_documented_columns_are_those_that_are_read() {
    check::<RoleRecord>(columns::ROLES);
    check::<UserRecord>(columns::USERS);
    check::<TorrentRecord>(columns::TORRENTS);
    check::<ClientRuleRecord>(columns::CLIENT_RULES);
    check::<TokenRecord>(columns::TOKENS);
    check::<EventRecord>(columns::EVENTS);
    check::<PeerRecord>(columns::PEERS);
}
