//! The pictures of README.md: a small team's afternoon, taken when [`super::support::tab::PICTURES`] are asked for anew.

use serde_json::json;

use super::support::chrome::Chrome;
use super::support::page::{open, url};
use super::support::tab::SIZES;
use super::support::viewer::Manners;
use super::support::world::World;

/// A program worth looking at, and nothing of the machine it runs on.
const PARSER: &str = "//! Reads a list of numbers.\n\nuse std::num::ParseIntError;\n\n/// Splits at commas; blanks do not count.\n\
pub fn numbers(text: &str) -> Result<Vec<i64>, ParseIntError> {\n    text.split(',').map(|part| part.trim().parse()).collect()\n}\n\n\
#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn blanks_do_not_count() {\n        assert_eq!(numbers(\" 1, 2 ,3\"), Ok(vec![1, 2, 3]));\n    }\n}\n";

/// What a test run prints.
const TESTS: &str = "#!/bin/sh\nfor it in parser::blanks_do_not_count parser::an_empty_list wire::frames wire::credit; do\n  \
printf 'test %-32s \\033[32mok\\033[0m\\n' $it\ndone\nprintf '\\ntest result: \\033[32mok\\033[0m. 4 passed; 0 failed\\n'\n";

#[tokio::test]
async fn pictures_of_a_small_fleet_at_work() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = World::start().await;
    let home = world.place().path("home/forge");
    std::fs::create_dir_all(home.join("src")).unwrap();
    std::fs::write(home.join("src/parser.rs"), PARSER).unwrap();
    std::fs::write(home.join("run-tests"), TESTS).unwrap();
    let start = async |name: &str, command: &str, args: &[&str]| {
        let launch = json!({"command": command, "args": args, "name": name, "workdir": home, "cols": 100, "rows": 32});
        let session = world.try_start_session(&launch).await.unwrap();
        (session, world.viewer(session, Manners::default()).await)
    };
    let (editor, vim) =
        start("parser", "vim", &["-u", "NONE", "-c", "syntax on | set ruler background=dark", "src/parser.rs"]).await;
    vim.expect_text("ParseIntError").await;
    let (_, tests) = start("tests", "bash", &[]).await;
    tests.type_text("clear; sh run-tests\r").await;
    tests.expect_text("4 passed").await;
    let (_, asks) = start("deploy", "bash", &[]).await;
    asks.type_text("clear; read -p 'Roll out 0.4 to all machines? [y/N] '\r").await;
    asks.expect_text("[y/N]").await;
    drop((vim, tests, asks));

    let tab = open(&chrome, &world, "/").await;
    tab.expect_text("Roll out 0.4").await;
    tab.expect_text("4 passed").await;
    tab.resize(SIZES[0]).await;
    tab.picture_for_readme("fleet").await;
    tab.resize(SIZES[1]).await;
    tab.navigate(&url(&world, &format!("/sessions/{editor}?renderer=dom"))).await;
    tab.expect_terminal_text("-> Result<Vec<i64>, ParseIntError> {").await;
    tab.expect_element("[data-testid=stage][data-control=true]").await;
    tab.picture_for_readme("editor").await;
}
