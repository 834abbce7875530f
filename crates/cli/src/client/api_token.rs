//! `mika client api-token`.

use clap::{Args, Subcommand};
use mika_client::types::{ApiToken, CreatedApiToken, NewApiToken, Scope};

use super::session::Session;
use super::watch::Watch;
use crate::{output, time};

#[derive(Debug, Subcommand)]
pub enum ApiTokenCommand {
    /// Make a token; it is printed once and cannot be read again.
    Create(CreateArguments),
    /// List the tokens, without their secrets.
    List(Watch),
    /// Show one token, without its secret.
    Get {
        /// Its number.
        id: u32,
    },
    /// Revoke a token: it is refused from now on.
    Revoke {
        /// Its number.
        id: u32,
    },
}

#[derive(Debug, Args)]
pub struct CreateArguments {
    /// Unique name, 1 to 64 characters.
    name: String,
    /// What it may be used for: read, torrents:write, users:write, config or admin; several are
    /// separated by commas.
    #[arg(
        long = "scope",
        value_name = "SCOPE",
        required = true,
        value_delimiter = ',',
        value_parser = parse_scope,
    )]
    scopes: Vec<Scope>,
    /// When it expires: +90d, 2027-01-31, 2027-01-31T18:00:00Z or Unix seconds [default: never].
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    expires: Option<u32>,
}

fn parse_scope(text: &str) -> Result<Scope, String> {
    let known = || Scope::ALL.map(Scope::as_str).join(", ");
    Scope::parse(text).ok_or_else(|| format!("a scope is one of {}", known()))
}

impl ApiTokenCommand {
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let client = &session.client;
        match self {
            Self::Create(CreateArguments { name, scopes, expires }) => {
                let new = NewApiToken { name, scopes, expires_at: expires };
                session.print(&client.create_api_token(&new).await?, created)
            }
            Self::List(watch) => {
                let show =
                    async || session.print(&client.api_tokens().await?, |tokens| table(tokens));
                watch.repeat(session, show).await
            }
            Self::Get { id } => session.print(&client.api_token(id).await?, one),
            Self::Revoke { id } => {
                session.confirm(&format!("Revoke the API token {id}, for good?"))?;
                client.revoke_api_token(id).await?;
                session.print(&serde_json::json!({ "revoked": id }), |_| {
                    format!("the API token {id} is revoked\n")
                })
            }
        }
    }
}

fn created(created: &CreatedApiToken) -> String {
    output::fields(&[
        ("id", created.api_token.id.to_string()),
        ("name", created.api_token.name.clone()),
        ("scopes", scopes(&created.api_token)),
        ("expires", time::format_optional(created.api_token.expires_at)),
        ("token", created.token.clone()),
        ("", "keep it: it is not shown again".to_owned()),
    ])
}

fn one(token: &ApiToken) -> String {
    table(std::slice::from_ref(token))
}

fn table(tokens: &[ApiToken]) -> String {
    let titles = ["#ID", "NAME", "SCOPES", "CREATED BY", "EXPIRES", "LAST USED", "FROM"];
    let mut table = output::Table::new(&titles);
    for token in tokens {
        table.row([
            token.id.to_string(),
            token.name.clone(),
            scopes(token),
            token.created_by.clone(),
            time::format_optional(token.expires_at),
            time::format_optional(token.last_used_at),
            output::optional(token.last_used_from.as_deref()),
        ]);
    }
    table.render("no API tokens")
}

fn scopes(token: &ApiToken) -> String {
    token.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(",")
}
