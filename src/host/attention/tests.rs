use super::*;

struct Scene {
    attention: Attention,
    at: Moment,
}

impl Scene {
    fn new() -> Self {
        Self { attention: Attention::new(), at: Moment { now: Instant::now(), millis: 1 } }
    }

    fn pass(&mut self, millis: u64) {
        self.at.now += Duration::from_millis(millis);
        self.attention.keep_time(self.at.now);
    }

    fn hook(&mut self, event: &str) -> Option<u64> {
        self.fire(&Hook { event: event.to_owned(), ..Hook::default() })
    }

    fn fire(&mut self, hook: &Hook) -> Option<u64> {
        self.attention.hook(hook, self.at)
    }

    fn type_(&mut self, bytes: &[u8]) {
        self.attention.typed(bytes, self.at.now);
    }

    fn print(&mut self) {
        self.attention.printed(self.at.now);
    }

    fn signal(&mut self, signal: ScreenSignal) {
        self.attention.signal(signal, self.at);
    }

    /// The screen is looked at, if it is time for that.
    fn look(&mut self, screen: &str) {
        if self.attention.looks_at(self.at.now) {
            self.attention.looked(&[screen.to_owned()]);
        }
    }

    fn is(&self, activity: Activity) {
        assert_eq!(self.attention.activity(), activity, "{:?}", self.attention);
    }

    fn needs(&self) -> (u64, Reason) {
        self.attention.needs().map_or((0, Reason::Notice), |need| (need.id, need.reason))
    }
}

fn permission(call: &str) -> Hook {
    Hook {
        event: "PermissionRequest".to_owned(),
        tool: Some("Bash".to_owned()),
        text: "rm -r build".to_owned(),
        call: Some(call.to_owned()),
        waits: true,
        always: true,
        ..Hook::default()
    }
}

fn after(call: &str) -> Hook {
    Hook { event: "PostToolUse".to_owned(), ..permission(call) }
}

#[test]
fn a_turn_goes_from_the_prompt_over_the_question_to_done() {
    let mut scene = Scene::new();
    scene.hook("SessionStart");
    scene.is(Activity::Idle);
    scene.hook("UserPromptSubmit");
    scene.is(Activity::Working);
    assert_eq!(scene.fire(&permission("a")), Some(1));
    scene.is(Activity::NeedsYou);
    assert_eq!(scene.needs(), (1, Reason::Permission));
    assert_eq!(scene.attention.outcome(1), Outcome::Waits);
    scene.fire(&after("b"));
    scene.is(Activity::NeedsYou);
    scene.fire(&after("a"));
    scene.is(Activity::Working);
    assert_eq!(scene.attention.outcome(1), Outcome::Withdrawn, "the terminal was faster");
    scene.hook("Stop");
    scene.is(Activity::Done);
    scene.type_(b"x");
    scene.is(Activity::Idle);
}

#[test]
fn hours_without_output_do_not_make_work_idle_but_an_interrupt_does() {
    let mut scene = Scene::new();
    scene.hook("UserPromptSubmit");
    scene.print();
    scene.pass(3_600_000);
    scene.is(Activity::Working);
    scene.type_(b"\x1b");
    scene.print();
    scene.pass(2_900);
    scene.is(Activity::Working);
    scene.pass(200);
    scene.is(Activity::Idle);
}

#[test]
fn a_dialog_that_is_gone_after_a_key_needs_nobody() {
    let mut scene = Scene::new();
    scene.hook("UserPromptSubmit");
    scene.fire(&permission("a"));
    scene.print();
    scene.look("nothing yet");
    scene.is(Activity::NeedsYou);
    scene.type_(b"\x1b[B");
    scene.pass(200);
    scene.look(" │ ❯ 2. Yes, and don't ask again │");
    scene.is(Activity::NeedsYou);
    scene.type_(b"\x1b");
    scene.pass(200);
    scene.look("still there: Esc to cancel");
    scene.is(Activity::NeedsYou);
    scene.print();
    scene.pass(200);
    scene.look("> what else?");
    scene.is(Activity::Working);
    scene.pass(3_500);
    scene.is(Activity::Idle);
    assert_eq!(scene.attention.settled(), Some(Settled { id: 1, by: None }));
}

#[test]
fn the_first_answer_counts_and_is_told_once() {
    let mut scene = Scene::new();
    scene.fire(&permission("a"));
    scene.fire(&permission("b"));
    scene.attention.answer(1, 7, Answer::Allow);
    assert_eq!(scene.needs(), (2, Reason::Permission));
    scene.attention.answer(1, 8, Answer::Deny { message: String::new() });
    assert_eq!(scene.attention.outcome(1), Outcome::Answered(Answer::Allow));
    assert_eq!(scene.attention.outcome(1), Outcome::Withdrawn);
    assert_eq!(scene.attention.settled(), Some(Settled { id: 1, by: Some(7) }));
    scene.attention.abandoned(2);
    scene.attention.answer(2, 9, Answer::Allow);
    assert_eq!(scene.needs(), (2, Reason::Permission), "nobody is there to pass it on");
}

#[test]
fn a_plan_is_one_need_and_a_question_is_answered_in_the_terminal() {
    let mut scene = Scene::new();
    let plan = Hook { tool: Some("ExitPlanMode".to_owned()), ..permission("p") };
    scene.fire(&Hook { event: "PreToolUse".to_owned(), waits: false, ..plan.clone() });
    assert_eq!(scene.needs(), (1, Reason::Plan));
    assert_eq!(scene.fire(&plan), Some(1));
    assert_eq!(scene.attention.requests.len(), 1);
    scene.hook("Stop");
    let question = Hook { tool: Some("AskUserQuestion".to_owned()), ..permission("q") };
    assert_eq!(scene.fire(&question), None);
    assert_eq!(scene.needs(), (2, Reason::Question));
    scene.hook("UserPromptSubmit");
    scene.is(Activity::Working);
}

#[test]
fn a_subagent_asks_but_its_end_is_not_the_conversations() {
    let mut scene = Scene::new();
    scene.hook("UserPromptSubmit");
    scene.fire(&Hook { subagent: true, ..permission("s") });
    scene.is(Activity::NeedsYou);
    scene.fire(&Hook { subagent: true, ..after("s") });
    scene.fire(&Hook { event: "Stop".to_owned(), subagent: true, ..Hook::default() });
    scene.is(Activity::Working);
}

#[test]
fn a_failure_needs_somebody_until_they_type() {
    let mut scene = Scene::new();
    scene.hook("StopFailure");
    assert_eq!(scene.needs(), (1, Reason::Error));
    scene.type_(b"\x1b[I");
    scene.is(Activity::NeedsYou);
    scene.type_(b"g");
    scene.is(Activity::Idle);
}

#[test]
fn other_programs_are_known_by_their_output_and_what_they_say() {
    let mut scene = Scene::new();
    scene.print();
    scene.is(Activity::Working);
    scene.pass(2_001);
    scene.is(Activity::Idle);
    scene.signal(ScreenSignal::Notice("tests failed".to_owned()));
    assert_eq!(scene.needs(), (1, Reason::Notice));
    scene.print();
    scene.is(Activity::NeedsYou);
    scene.type_(b"\t");
    scene.signal(ScreenSignal::Bell);
    scene.is(Activity::Working);
    scene.pass(2_001);
    scene.signal(ScreenSignal::Bell);
    scene.is(Activity::NeedsYou);
    scene.type_(b"\r");
    scene.signal(ScreenSignal::Progress(true));
    scene.pass(60_000);
    scene.is(Activity::Working);
    scene.signal(ScreenSignal::Progress(false));
    scene.pass(0);
    scene.is(Activity::Idle);
}

#[test]
fn a_shell_that_marks_its_prompts_is_done_when_a_long_command_is() {
    let mut scene = Scene::new();
    scene.signal(ScreenSignal::Prompt);
    scene.print();
    scene.is(Activity::Idle);
    for (took, then) in [(100, Activity::Idle), (5_000, Activity::Done)] {
        scene.signal(ScreenSignal::CommandStarts);
        scene.print();
        scene.is(Activity::Working);
        scene.pass(took);
        scene.signal(ScreenSignal::CommandEnds);
        scene.signal(ScreenSignal::Prompt);
        scene.print();
        scene.is(then);
    }
}

#[test]
fn what_waits_is_bounded() {
    let mut scene = Scene::new();
    for number in 0..100 {
        scene.fire(&permission(&number.to_string()));
    }
    assert_eq!(scene.attention.requests.len(), REQUESTS_MAX);
    scene.attention.end();
    scene.is(Activity::Idle);
}
