//! A terminal in a real Chromium: what is typed arrives, what is printed is seen, and nothing is lost by a reload.

use super::support::chrome::Chrome;
use super::support::page::{open_session, url};
use super::support::tab::Size;
use super::support::wait::poll;
use super::support::world::World;

#[tokio::test]
async fn a_shell_echoes_what_is_typed() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = World::start().await;
    let tab = open_session(&chrome, &world, world.bash().await).await;
    tab.expect_terminal("a prompt", |screen| screen.ends_with('$')).await;
    tab.type_text("echo hel''lo\n").await;
    tab.expect_terminal_text("\nhello\n").await;
    tab.expect("the tab says which session it is", "document.title.length > 0").await;
    assert_eq!(chrome.take_complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn wide_combining_and_emoji_text_stands_where_the_program_put_it() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = World::start().await;
    let tab = open_session(&chrome, &world, world.bash().await).await;
    tab.insert("echo '日本語|한국어|e\u{301}|👍|🚀'").await;
    tab.type_text("\n").await;
    tab.expect_terminal_text("\n日本語|한국어|e\u{301}|👍|🚀\n").await;
    // Six columns of wide characters, then a mark in column 6, over the right half of the last of them: it goes. Were
    // it narrow here, the mark would stand behind it.
    tab.type_text("clear; printf '\\u4f60\\u597d\\U1F680x\\e[6G|\\n'\n").await;
    tab.expect_terminal("widths agree with the program's", |screen| screen.starts_with("你好 |x\n")).await;
    tab.screenshot("terminal-unicode").await;
}

#[tokio::test]
async fn ctrl_c_gets_through_a_flood() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = World::start().await;
    let tab = open_session(&chrome, &world, world.bash().await).await;
    tab.type_text("yes flooding\n").await;
    tab.expect_terminal("the flood is on", |screen| screen.matches("flooding").count() > 10).await;
    tab.ctrl('c').await;
    // The kernel drops what waits in the terminal, perhaps half a line end: ^C may stand over the last line or behind it.
    tab.expect_terminal("the prompt is back", |screen| screen.contains("^C") && screen.ends_with("\n$")).await;
    tab.type_text("echo al''ive\n").await;
    tab.expect_terminal_text("\nalive\n").await;
}

#[tokio::test]
async fn the_program_learns_the_size_of_the_window() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = World::start().await;
    let tab = open_session(&chrome, &world, world.bash().await).await;
    let mut sizes = Vec::new();
    for size in [Size { width: 1024, height: 768 }, Size { width: 1400, height: 900 }] {
        tab.resize(size).await;
        let size = poll("the program sees the window's new size", async || {
            tab.type_text("clear; echo size: $(stty size)\n").await;
            let screen = tab.terminal_text().await;
            let size = screen.lines().find_map(|line| line.strip_prefix("size: "))?.to_owned();
            (sizes.last() != Some(&size)).then_some(size)
        })
        .await;
        sizes.push(size);
    }
    let [small, large] = [&sizes[0], &sizes[1]].map(|size| {
        let (rows, cols) = size.split_once(' ').unwrap();
        (rows.parse::<u32>().unwrap(), cols.parse::<u32>().unwrap())
    });
    assert!(large.0 > small.0 && large.1 > small.1, "{small:?} {large:?}");
}

#[tokio::test]
async fn a_reload_finds_the_same_screen_and_scrollback() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = World::start().await;
    let tab = open_session(&chrome, &world, world.bash().await).await;
    tab.expect_shell_fits().await; // Else what is shown before is of another size than what is shown after.
    tab.type_text("seq 1000; echo the e''nd\n").await;
    tab.expect_terminal("the end", |screen| screen.ends_with("the end\n$")).await;
    let before = tab.terminal_text().await;
    tab.reload().await;
    tab.expect_terminal("the same screen", |screen| screen == before).await;
    // History follows the screen; the wheel brings it into view.
    poll("the first lines are found by scrolling up", async || {
        tab.wheel(".xterm-screen", -100_000).await;
        tab.terminal_text().await.contains("seq 1000").then_some(())
    })
    .await;
    let top = tab.terminal_text().await;
    assert!(top.contains("\n1\n2\n3\n"), "in order:\n{top}");
    poll("the same screen is found by scrolling down", async || {
        tab.wheel(".xterm-screen", 100_000).await;
        (tab.terminal_text().await == before).then_some(())
    })
    .await;
}

#[tokio::test]
async fn two_tabs_show_one_session_and_the_keyboard_can_change_hands() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = World::start().await;
    let session = world.bash().await;
    let first = open_session(&chrome, &world, session).await;
    first.type_text("echo from the fi''rst\n").await;
    let second = open_session(&chrome, &world, session).await;
    for tab in [&first, &second] {
        tab.expect_terminal_text("from the first").await;
    }
    second.click("button: Take control").await;
    second.focus_terminal().await;
    second.type_text("echo from the sec''ond\n").await;
    for tab in [&first, &second] {
        tab.expect_terminal_text("from the second").await;
    }
    assert_eq!(chrome.take_complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn full_screen_programs_use_the_alternate_screen_and_give_it_back() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = World::start().await;
    let tab = open_session(&chrome, &world, world.bash().await).await;
    tab.type_text("echo before; seq 500 > lines; vim -u NONE lines\n").await;
    tab.expect_terminal("vim shows the file", |screen| screen.starts_with("1\n2\n3\n")).await;
    tab.type_text("G").await;
    tab.expect_terminal_text("\n499\n500\n").await;
    // A reload inside: the alternate screen comes back, and the main one behind it.
    tab.reload().await;
    tab.expect_terminal_text("\n499\n500\n").await;
    tab.focus_terminal().await;
    tab.type_text(":q\n").await;
    tab.expect_terminal("the shell's screen is back", |screen| screen.contains("before") && !screen.contains("499"))
        .await;
}

#[tokio::test]
async fn a_program_that_asks_for_the_mouse_gets_it() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = World::start().await;
    let tab = open_session(&chrome, &world, world.bash().await).await;
    // vim does not hear of a size that comes while it starts.
    tab.expect_shell_fits().await;
    tab.type_text("seq 500 > lines; vim -u NONE -c 'set mouse=a ttymouse=sgr' lines\n").await;
    tab.expect_terminal("vim shows the file", |screen| screen.starts_with("1\n2\n3\n")).await;
    poll("the wheel scrolls the program", async || {
        tab.wheel(".xterm-screen", 200).await;
        (!tab.terminal_text().await.starts_with("1\n")).then_some(())
    })
    .await;
    tab.type_text(":q\n").await;
    tab.expect_terminal("the shell is back", |screen| screen.ends_with('$')).await;
}

#[tokio::test]
async fn a_page_that_lost_its_server_says_so_and_goes_on_when_it_is_back() {
    let Some(chrome) = Chrome::start().await else { return };
    let mut world = World::start().await;
    let session = world.bash().await;
    let tab = open_session(&chrome, &world, session).await;
    tab.type_text("echo before the br''eak\n").await;
    tab.expect_terminal("a prompt follows", |screen| screen.ends_with("\nbefore the break\n$")).await;
    let before = tab.terminal_text().await;
    world.kill_server();
    tab.expect_text("Frozen.").await;
    tab.screenshot("terminal-reconnecting").await;
    world.start_server().await;
    tab.expect_element("[data-testid=stage][data-line=live]").await;
    tab.expect_terminal("the same screen", |screen| screen == before).await;
    tab.focus_terminal().await;
    tab.type_text("echo after the br''eak\n").await;
    tab.expect_terminal_text("\nafter the break\n").await;
}

#[tokio::test]
async fn a_session_that_is_not_there_is_said_to_be_so() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = World::start().await;
    let tab = super::support::page::open(&chrome, &world, "/sessions/ses_000000000000").await;
    tab.expect_text("No such session").await;
    tab.portraits("session-not-found").await;
    tab.navigate(&url(&world, "/no/such/page")).await;
    tab.expect("it says so", "/not (be )?found|no such|does not exist|nothing here/i.test(document.body.innerText)")
        .await;
}

#[tokio::test]
async fn questions_of_a_program_are_answered_once_whoever_watches() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = World::start().await;
    // Which terminal, where is the cursor, which background; then what has come within two seconds, readable.
    let script = r#"stty -echo -icanon; read -r _; printf '\e[c\e[6n\e]11;?\a'
        IFS= read -r -d '' -t 2 answers; printf 'answers %q end\n' "$answers"; exec cat -v"#;
    let session = world.start_session("bash", &["-c", script]).await;
    let first = open_session(&chrome, &world, session).await;
    let second = open_session(&chrome, &world, session).await;
    first.type_text("\n").await;
    for tab in [&first, &second] {
        tab.expect_terminal_text(" end").await;
    }
    let screen = first.terminal_text().await.replace('\n', "");
    for (question, answer) in [("which terminal", "[?"), ("where is the cursor", "R"), ("which background", "rgb:")] {
        assert_eq!(screen.matches(answer).count(), 1, "{question}: {screen}");
    }
    // What a late or reloaded terminal could answer to the replay would be shown by the program.
    first.reload().await;
    first.expect_terminal_text(" end").await;
    first.focus_terminal().await;
    first.type_text("typed\n").await;
    first.expect_terminal("only what was typed", |screen| screen.ends_with(" end\ntyped")).await;
}
