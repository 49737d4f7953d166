//! Who may do what: every address, with every role, for what is theirs, shared and others', with every key, from another
//! organisation, and with nothing. What is expected stands here once more, by hand: the table of the product is what is
//! tested.

mod cast;
mod messages;
mod table;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use futures_util::StreamExt as _;
use serde_json::Value;
use sessionforge::base::id::WebhookId;
use sessionforge::server::auth::permissions::{ByKey, TABLE, Whose, role_name};
use sessionforge::server::routes;
use sessionforge::store::{Role, Scope, Sharing, Store};
use tempfile::TempDir;

use super::support::http::Http;
use super::support::server::TestServer;
use super::support::socket::{Refused, Socket};
use cast::{Actor, KeyIs, Stage, WEBHOOK, cheap_hash};
use table::{About, Row, rows};

const ROLES: [Role; 4] = [Role::Owner, Role::Admin, Role::Member, Role::Viewer];

/// How somebody comes.
#[derive(Debug, Clone)]
enum Comes {
    ByCookie,
    ByKey,
}

/// A request and what must become of it.
struct Check {
    name: String,
    method: String,
    path: String,
    body: Value,
    cookie: Option<String>,
    bearer: Option<String>,
    expect: Expect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    /// Past the permissions, whatever comes of it; never our fault.
    Allowed,
    /// Told that it is not allowed.
    Forbidden,
    /// Told that there is no such thing.
    Hidden,
    /// Told to sign in.
    Unknown,
}

impl Expect {
    fn of(status: u16) -> Option<Self> {
        match status {
            401 => Some(Self::Unknown),
            403 => Some(Self::Forbidden),
            404 => Some(Self::Hidden),
            500.. => None,
            _ => Some(Self::Allowed),
        }
    }
}

fn has(roles: &str, role: Role) -> bool {
    roles.contains(role_name(role).chars().next().unwrap())
}

/// A thing of somebody's, in the path.
fn path(row: &Row, of: &Actor) -> String {
    let id = match row.about {
        About::None => String::new(),
        About::Machine => of.machine.to_string(),
        About::Session => of.session.to_string(),
        About::Key => of.key.to_string(),
        About::Member => of.user.to_string(),
        About::Invitation => of.invitation.to_string(),
        About::Browser => of.browser.clone(),
        About::Push => of.push.to_string(),
        About::Webhook => of.webhook.to_string(),
    };
    let path = row.address.split(' ').nth(1).unwrap();
    format!("/api/v1{}", path.replace("{id}", &id))
}

/// Whether the existence of others' things is no secret to a role: then it is told "not allowed" instead of "not there".
fn knows_of(row: &Row, role: Role, whose: Whose) -> bool {
    match (row.about, whose) {
        (_, Whose::Own) | (About::Machine | About::Session, Whose::Shared) => true,
        _ => has("oa", role),
    }
}

/// The scopes of a key that is good for this row, and whether any key is.
fn scope_fits(row: &Row, scope: Scope) -> bool {
    match row.key {
        "any" => true,
        "-" | "" => false,
        needed => {
            let needed = needed.trim_start_matches("only ");
            scope.name() == needed || scope.name() == needed.replace(":read", ":write")
        }
    }
}

/// Everything to be asked, with everybody who asks already on the stage. All at once: their writes share commits.
async fn checks(stage: &Stage<'_>, abroad: &Stage<'_>) -> Vec<Check> {
    let of_rows = rows().into_iter().map(|row| checks_of(row, stage, abroad));
    futures_util::future::join_all(of_rows).await.into_iter().flatten().collect()
}

async fn checks_of(row: Row, stage: &Stage<'_>, abroad: &Stage<'_>) -> Vec<Check> {
    let mut checks = Vec::new();
    let all = || KeyIs::with(&Scope::ALL);
    let method = row.address.split(' ').next().unwrap().to_owned();
    let mut ask = async |name: String, comes: Option<Comes>, who: &Actor, of: &Actor, expect: Expect| {
        let mut of = of.clone();
        if row.about == About::Invitation {
            let invitation = stage.invitation(Role::Viewer);
            of.invitation = invitation.id;
            stage.store.add_invitation(invitation).await.unwrap();
        }
        if row.about == About::Webhook {
            of.webhook = WEBHOOK.parse().unwrap();
            if method == "DELETE" && expect == Expect::Allowed {
                of.webhook = stage.webhook(WebhookId::random()).await;
            }
        }
        let (cookie, bearer) = match comes {
            Some(Comes::ByCookie) => (Some(who.cookie.clone()), None),
            Some(Comes::ByKey) => (None, Some(who.secret.clone())),
            None => (None, None),
        };
        let (method, path, body) = (method.clone(), path(&row, &of), (row.body)());
        checks.push(Check { name: format!("{} {name}", row.address), method, path, body, cookie, bearer, expect });
    };
    let open = row.own == "*";
    let nobody = stage.enter(Role::Viewer, all(), Sharing::Private).await;
    ask("with nothing".to_owned(), None, &nobody, &nobody, if open { Expect::Allowed } else { Expect::Unknown }).await;
    if open {
        return checks;
    }
    for role in ROLES {
        let name = role_name(role);
        let of_whose: &[Whose] = match row.about {
            About::Machine | About::Session => &[Whose::Own, Whose::Shared, Whose::Others],
            About::Key => &[Whose::Own, Whose::Others],
            // A member is somebody else's self; an invitation belongs to the organisation.
            About::Member => &[Whose::Others],
            About::None | About::Invitation | About::Browser | About::Push | About::Webhook => &[Whose::Own],
        };
        for whose in of_whose {
            // Somebody new each time: what is done may end them, or what is theirs.
            let who = stage.enter(role, all(), Sharing::Private).await;
            let sharing = if *whose == Whose::Shared { Sharing::Organisation } else { Sharing::Private };
            let of = match whose {
                Whose::Own => who.clone(),
                _ => stage.enter(Role::Member, all(), sharing).await,
            };
            let roles = match whose {
                Whose::Own => row.own.to_owned(),
                // What is shared is others' too.
                Whose::Shared => format!("{}{}", row.shared, row.others),
                Whose::Others | Whose::Adopted => row.others.to_owned(),
            };
            let allowed = has(&roles, role);
            let denied =
                if has(row.own, role) && !knows_of(&row, role, *whose) { Expect::Hidden } else { Expect::Forbidden };
            let by_role = if allowed { Expect::Allowed } else { denied };
            let by_cookie = if row.key.starts_with("only") { Expect::Forbidden } else { by_role };
            ask(format!("as {name}, {whose:?}"), Some(Comes::ByCookie), &who, &of, by_cookie).await;
            let who = stage.enter(role, all(), Sharing::Private).await;
            let of = match whose {
                Whose::Own => who.clone(),
                _ => stage.enter(Role::Member, all(), sharing).await,
            };
            let by_key = if row.key == "-" { Expect::Forbidden } else { by_role };
            ask(format!("by a key of every scope of {name}, {whose:?}"), Some(Comes::ByKey), &who, &of, by_key).await;
        }
    }
    for scope in Scope::ALL {
        let who = stage.enter(Role::Owner, KeyIs::with(&[scope]), Sharing::Private).await;
        let expect = if scope_fits(&row, scope) { Expect::Allowed } else { Expect::Forbidden };
        let of = if row.about == About::Member {
            stage.enter(Role::Member, all(), Sharing::Private).await
        } else {
            who.clone()
        };
        ask(format!("by an owner's key of {scope} alone"), Some(Comes::ByKey), &who, &of, expect).await;
    }
    for (name, expired, revoked) in [("expired", true, false), ("revoked", false, true)] {
        let who = stage.enter(Role::Owner, KeyIs { expired, revoked, ..all() }, Sharing::Private).await;
        ask(format!("by a key that is {name}"), Some(Comes::ByKey), &who, &who, Expect::Unknown).await;
    }
    let gone = stage.enter(Role::Admin, all(), Sharing::Organisation).await;
    stage.store.deactivate_member(stage.organisation, gone.user, 1).await.unwrap();
    for comes in [Comes::ByCookie, Comes::ByKey] {
        ask(format!("deactivated, {comes:?}"), Some(comes), &gone, &gone, Expect::Unknown).await;
    }
    if row.about != About::None {
        // The owner of another organisation; what is shared there is shared with nobody here.
        let of = stage.enter(Role::Member, all(), Sharing::Organisation).await;
        let far = abroad.enter(Role::Owner, all(), Sharing::Private).await;
        let by_key = if row.key == "-" { Expect::Forbidden } else { Expect::Hidden };
        ask("from another organisation".to_owned(), Some(Comes::ByCookie), &far, &of, Expect::Hidden).await;
        ask("by another organisation's key".to_owned(), Some(Comes::ByKey), &far, &of, by_key).await;
    }
    checks
}

async fn ask(server: &TestServer, check: &Check) -> Option<String> {
    let mut http = Http { cookie: check.cookie.clone(), bearer: check.bearer.clone(), ..server.http() };
    let is_socket = check.path.ends_with("/viewer") || check.path.ends_with("/agent");
    let (status, text) = if is_socket {
        match Socket::open(&http, &check.path, None).await {
            Ok(_) => (101, String::new()),
            Err(Refused::Status(status, text)) => (status, text),
            Err(Refused::Io(error)) => panic!("{}: {error}", check.name),
        }
    } else if check.path.ends_with("/events") {
        (http.begin(&check.path).await, String::new())
    } else {
        let body = (check.method != "GET" && check.method != "DELETE").then_some(&check.body);
        let answer = http.send(&check.method, &check.path, body).await;
        (answer.status, answer.text())
    };
    let open = check.cookie.is_none() && check.bearer.is_none() && check.expect == Expect::Allowed;
    let right = if open { status < 500 } else { Expect::of(status) == Some(check.expect) };
    (!right).then(|| format!("{}: {status} instead of {:?}: {text}", check.name, check.expect))
}

async fn stages(
    dir: &TempDir,
) -> (Store, [(sessionforge::base::id::OrganisationId, sessionforge::base::id::UserId); 2]) {
    let store = Store::open(dir.path()).unwrap();
    let here = store.ensure_local_owner("Ada".to_owned(), 1).await.unwrap();
    let there = store.add_organisation(None, here.user, "Abroad".to_owned(), 2).await.unwrap();
    (store, [(here.organisation, here.user), (there.organisation, there.user)])
}

#[tokio::test(flavor = "multi_thread")]
async fn every_address_with_everybody_who_may_come_or_not() {
    let dir = TempDir::new().unwrap();
    let (store, [(here, founder), (there, _)]) = stages(&dir).await;
    let stage = Stage { store: &store, organisation: here, founder, password: cheap_hash() };
    let abroad = Stage { store: &store, organisation: there, founder, password: cheap_hash() };
    stage.webhook(WEBHOOK.parse().unwrap()).await;
    let checks = checks(&stage, &abroad).await;
    drop(store);
    let server = TestServer::start_in(dir).await;
    let wrong: Vec<String> = futures_util::stream::iter(&checks)
        .map(|check| ask(&server, check))
        .buffer_unordered(8)
        .filter_map(async |it| it)
        .collect()
        .await;
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), checks.len(), wrong.join("\n"));
    assert!(checks.len() > 400, "{} checks", checks.len());
}

#[test]
fn no_address_is_outside_of_the_table() {
    let there: BTreeSet<String> = routes::api().iter().map(|it| format!("{} {}", it.method, it.path)).collect();
    let rows: Vec<String> = rows().iter().map(|row| row.address.to_owned()).collect();
    let tested: BTreeSet<String> = rows.iter().cloned().collect();
    assert_eq!(there.difference(&tested).collect::<Vec<_>>(), Vec::<&String>::new(), "addresses without a row");
    assert_eq!(tested.difference(&there).collect::<Vec<_>>(), Vec::<&String>::new(), "rows without an address");
    assert_eq!(rows.len(), tested.len(), "two rows for one address");
    for route in routes::site() {
        assert_eq!(
            (route.method, route.access),
            ("GET", routes::Access::Open),
            "{}: the page is read only",
            route.path
        );
    }
}

/// The table of `docs/roles.md`.
fn documented() -> String {
    let mut text = "| may | owner | admin | member | viewer | a key |\n|---|---|---|---|---|---|\n".to_owned();
    for rule in TABLE {
        let cell = |role: Role| {
            let may = |whose| rule.least(whose).is_some_and(|least| role <= least);
            match (may(Whose::Own), may(Whose::Shared), may(Whose::Others)) {
                (true, false, _) if may(Whose::Adopted) => "own, adopted",
                (false, ..) => "–",
                // What belongs to nobody in particular has no others.
                (true, _, true) => "all",
                (true, true, false) => "own, shared",
                (true, false, false) if rule.shared.is_some() || rule.others.is_some() => "own",
                (true, false, false) => "yes",
            }
        };
        let key = match rule.key {
            ByKey::No => "no".to_owned(),
            ByKey::Any => "any".to_owned(),
            ByKey::With(scope) => format!("`{scope}`"),
            ByKey::Only(scope) => format!("`{scope}`; nobody without one"),
        };
        let cells = ROLES.map(cell).join(" | ");
        writeln!(text, "| {} | {cells} | {key} |", rule.what).unwrap();
    }
    text
}

#[test]
fn the_documentation_shows_the_table_as_it_is() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/roles.md");
    let docs = std::fs::read_to_string(path).unwrap();
    assert!(docs.contains(&documented()), "docs/roles.md should hold\n{}", documented());
}
