//! What is wrong with the URL of a database, without telling what is in it: it has the password.

use crate::store::StoreError;

/// Schemes that an error may repeat: anything else before `://` may be a part of a secret.
const KNOWN: [&str; 10] = [
    "postgres",
    "postgresql",
    "mysql",
    "mariadb",
    "sqlite",
    "redis",
    "rediss",
    "redis+unix",
    "http",
    "https",
];

/// A kind of URL.
pub(crate) struct Form {
    /// What it may begin with.
    pub(crate) schemes: [&'static str; 2],
    /// A good one, up to the password.
    pub(crate) example_user: &'static str,
}

impl Form {
    /// Reads a URL.
    pub(crate) fn read<O>(&self, url: &str) -> Result<O, StoreError>
    where
        O: std::str::FromStr<Err = sqlx::Error>,
    {
        let (scheme, rest) = url.trim().split_once("://").unwrap_or_default();
        if !self.schemes.iter().any(|good| scheme.eq_ignore_ascii_case(good)) {
            return Err(self.wrong_scheme(scheme));
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        if rest.get(end..).is_some_and(|rest| rest.contains('@')) {
            return Err(self.bad("there is an @ behind the host"));
        }
        url.trim().parse().map_err(|error| match error {
            sqlx::Error::Configuration(error) => self.bad(&error.to_string()),
            error => self.bad(&error.to_string()),
        })
    }

    fn wrong_scheme(&self, scheme: &str) -> StoreError {
        let is = match KNOWN.iter().find(|known| scheme.eq_ignore_ascii_case(known)) {
            Some(known) => format!(", not with {known}://"),
            None => String::new(),
        };
        let ([one, other], user) = (self.schemes, self.example_user);
        StoreError::Broken(format!(
            "store.url must begin with {one}:// or {other}://{is}, as in \
             {user}:password@localhost/site; percent-encode special characters in the password"
        ))
    }

    /// For a server that has no database for those who name none.
    pub(crate) fn without_database(&self) -> StoreError {
        let user = self.example_user;
        StoreError::Broken(format!(
            "store.url names no database: put it at the end, as in {user}:password@localhost/site"
        ))
    }

    fn bad(&self, what: &str) -> StoreError {
        let user = self.example_user;
        StoreError::Broken(format!(
            "store.url is not good: {what}; percent-encode special characters in the password: \
             `pass/word` is written pass%2Fword, as in {user}:pass%2Fword@localhost/site"
        ))
    }
}
