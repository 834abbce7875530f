//! What a site does with the admin API: adds a user and a torrent, gives a token, reads it back.
//!
//! ```console
//! $ mika serve &
//! $ MIKA_TOKEN=$(cat mika-data/admin.token) cargo run -p mika-client --example site
//! ```

use std::env;

use mika_client::types::{NewToken, NewTorrent, NewUser, UserQuery};
use mika_client::{Client, Error};
use mika_protocol::InfoHash;

const URL: &str = "http://127.0.0.1:34001";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let url = env::var("MIKA_URL").unwrap_or_else(|_| URL.to_owned());
    run(&url, &env::var("MIKA_TOKEN").unwrap_or_default()).await
}

/// All of it, at the server with this address and token.
pub async fn run(url: &str, token: &str) -> Result<(), Error> {
    let client = Client::new(url, token)?;

    // If no answer comes, the same may be sent again: there will not be two.
    let alice = client.once("sign-up-of-alice")?.add_user(&NewUser::named("alice")).await?;
    println!("{} announces to {}", alice.name, alice.announce_url);

    let info_hash = InfoHash([7; 20]);
    let film = NewTorrent { title: "Film".to_owned(), ..NewTorrent::new(info_hash) };
    match client.add_torrent(&film).await {
        Ok(torrent) => println!("{} is torrent {}", torrent.title, torrent.id),
        // The stable word; the text of the error is for people.
        Err(error) if error.code() == Some("info_hash_taken") => println!("it is there already"),
        Err(error) => return Err(error),
    }

    let token = client.put_token("alice", info_hash, &NewToken::default()).await?;
    println!("{} downloads it at {} %", token.user, token.download_percent);

    let page = client.users_where(&UserQuery::default()).await?;
    for user in page.items {
        println!("{}: {} bytes up, {} bytes down", user.name, user.uploaded, user.downloaded);
    }
    Ok(())
}
