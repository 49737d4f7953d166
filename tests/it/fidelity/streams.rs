//! Made-up output, from a seed: each kind exercises one part of a terminal far harder than programs do.

/// A generator of numbers: the same seed, the same stream, on every machine.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number from zero, below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    pub fn between(&mut self, first: usize, last: usize) -> usize {
        first + self.below(last + 1 - first)
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const WORDS: &[&str] = &[
    "build",
    "server",
    "ok",
    "failed",
    "in",
    "src/main.rs",
    "42",
    "warning:",
    "unused",
    "the",
    "quick",
    "a",
    "terminal",
];
const WIDE: &[&str] = &["漢字", "かな", "한국", "中", "🦀", "✅", "🚀", "ｗ"];
const MARKED: &[&str] =
    &["e\u{301}", "n\u{303}o", "ก็", "नि", "👍🏽", "👩\u{200d}💻", "❤\u{fe0f}", "🇫🇷", "a\u{308}\u{304}", "\u{301}"];
const KINDS: &[&str] = &[
    "lines",
    "colours",
    "paint",
    "edit",
    "regions",
    "modes",
    "charsets",
    "tabs",
    "alternate",
    "wrapping",
    "links",
    "underlines",
    "marks",
    "protected",
    "mixture",
];

/// Names of the kinds of streams.
pub fn kinds() -> &'static [&'static str] {
    KINDS
}

/// A stream of one kind for a terminal of this size.
pub fn generate(kind: &str, random: &mut Random, cols: usize, rows: usize) -> Vec<u8> {
    let mut maker = Maker { random, cols, rows, out: String::new() };
    let steps = maker.random.between(40, 400);
    for _ in 0..steps {
        maker.step(kind);
    }
    maker.out.into_bytes()
}

/// Bytes without sense, but with a liking for what begins sequences.
pub fn noise(random: &mut Random) -> Vec<u8> {
    let len = random.between(20, 1500);
    (0..len)
        .map(|_| match random.below(10) {
            0 => 0x1b,
            1 => b"[]P_?>;:0123456789hlmHJKrX"[random.below(26)],
            2 => random.below(0x20) as u8,
            3..=5 => random.between(0x20, 0x7f) as u8,
            _ => random.below(256) as u8,
        })
        .collect()
}

struct Maker<'a> {
    random: &'a mut Random,
    cols: usize,
    rows: usize,
    out: String,
}

impl Maker<'_> {
    fn step(&mut self, kind: &str) {
        match kind {
            "lines" => self.any(&[Self::words, Self::words, Self::line_end]),
            "colours" => self.any(&[Self::colour, Self::words, Self::words, Self::line_end]),
            "paint" => self.any(&[Self::go, Self::go, Self::words, Self::wide, Self::colour, Self::erase]),
            "edit" => self.any(&[Self::go, Self::words, Self::wide, Self::erase, Self::edit, Self::edit, Self::colour]),
            "regions" => self.any(&[
                Self::region,
                Self::go,
                Self::words,
                Self::line_end,
                Self::line_end,
                Self::edit,
                Self::colour,
                Self::save,
            ]),
            "modes" => self.any(&[Self::mode, Self::mode, Self::words, Self::line_end, Self::go, Self::cursor_style]),
            "charsets" => self.any(&[Self::charset, Self::words, Self::boxes, Self::go, Self::save, Self::line_end]),
            "tabs" => self.any(&[Self::tab, Self::tab, Self::words, Self::go, Self::line_end]),
            "alternate" => self.any(&[
                Self::words,
                Self::line_end,
                Self::colour,
                Self::go,
                Self::erase,
                Self::wide,
                Self::save,
                Self::screen,
            ]),
            "wrapping" => {
                self.any(&[Self::long, Self::wide, Self::words, Self::line_end, Self::go_margin, Self::colour]);
            }
            "links" => self.any(&[Self::link, Self::words, Self::line_end, Self::colour, Self::title]),
            "underlines" => {
                self.any(&[Self::underline, Self::colour, Self::words, Self::wide, Self::line_end, Self::go]);
            }
            "marks" => self.any(&[Self::marked, Self::marked, Self::words, Self::line_end, Self::colour, Self::repeat]),
            "protected" => self.any(&[Self::protect, Self::words, Self::go, Self::erase, Self::erase_unprotected]),
            _ => self.any(&[
                Self::words,
                Self::words,
                Self::line_end,
                Self::line_end,
                Self::colour,
                Self::go,
                Self::erase,
                Self::edit,
                Self::wide,
                Self::marked,
                Self::region,
                Self::mode,
                Self::save,
                Self::tab,
                Self::long,
                Self::link,
                Self::underline,
                Self::charset,
                Self::screen,
                Self::repeat,
                Self::control,
            ]),
        }
    }

    fn any(&mut self, steps: &[fn(&mut Self)]) {
        let at = self.random.below(steps.len());
        steps[at](self);
    }

    fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn one_of(&mut self, from: &[&str]) {
        let text = self.random.pick(from);
        self.put(text);
    }

    /// A control sequence with a number from one to `max`.
    fn csi(&mut self, max: usize, last: &str) {
        let n = self.random.between(1, max);
        self.put(&format!("\x1b[{n}{last}"));
    }

    fn words(&mut self) {
        for _ in 0..self.random.between(1, 6) {
            self.one_of(WORDS);
            self.put(" ");
        }
    }

    fn long(&mut self) {
        let len = self.random.between(self.cols / 2, self.cols * 2);
        let text: String = ('a'..='z').cycle().take(len).collect();
        self.put(&text);
    }

    fn wide(&mut self) {
        for _ in 0..self.random.between(1, 4) {
            self.one_of(WIDE);
        }
    }

    fn marked(&mut self) {
        self.one_of(MARKED);
    }

    fn line_end(&mut self) {
        self.one_of(&["\r\n", "\r\n", "\r\n", "\n", "\r"]);
    }

    fn colour(&mut self) {
        let byte = |random: &mut Random| random.below(256);
        let text = match self.random.below(8) {
            0 => "\x1b[m".to_owned(),
            1 => format!("\x1b[{};{}m", self.random.between(30, 37), self.random.between(40, 47)),
            2 => format!("\x1b[{};{}m", self.random.between(90, 97), self.random.between(100, 107)),
            3 => format!("\x1b[38;5;{}m", byte(self.random)),
            4 => format!("\x1b[48;5;{}m", byte(self.random)),
            5 => format!("\x1b[38;2;{};{};{}m", byte(self.random), byte(self.random), byte(self.random)),
            6 => format!("\x1b[48:2::{}:{}:{}m", byte(self.random), byte(self.random), byte(self.random)),
            _ => format!(
                "\x1b[{}m",
                self.random.pick(&["1", "2", "3", "4", "5", "7", "8", "9", "22", "24", "27", "39", "49", "53"])
            ),
        };
        self.put(&text);
    }

    fn underline(&mut self) {
        self.one_of(&[
            "\x1b[4m",
            "\x1b[4:2m",
            "\x1b[4:3m",
            "\x1b[4:4m",
            "\x1b[4:5m",
            "\x1b[21m",
            "\x1b[24m",
            "\x1b[58;5;9m",
            "\x1b[58:2::10:20:30m",
            "\x1b[59m",
            "\x1b[53m",
            "\x1b[55m",
            "\x1b[5m",
            "\x1b[25m",
            "\x1b[m",
        ]);
    }

    fn go(&mut self) {
        let (x, y) = (self.random.between(1, self.cols), self.random.between(1, self.rows));
        match self.random.below(8) {
            0..=2 => self.put(&format!("\x1b[{y};{x}H")),
            3 => self.put(&format!("\x1b[{x}G")),
            4 => self.put(&format!("\x1b[{y}d")),
            5 => self.one_of(&["\r", "\x08", "\x1b[H", "\x1bM", "\x1bD", "\x1bE"]),
            6 => self.csi(5, "A"),
            _ => {
                let last = self.random.pick(&["B", "C", "D", "E", "F"]);
                self.csi(6, last);
            }
        }
    }

    fn go_margin(&mut self) {
        let (x, y) =
            (self.random.between(self.cols.saturating_sub(3).max(1), self.cols), self.random.between(1, self.rows));
        self.put(&format!("\x1b[{y};{x}H"));
    }

    fn erase(&mut self) {
        match self.random.below(4) {
            0 => self.csi(12, "X"),
            1 => self.one_of(&["\x1b[J", "\x1b[1J", "\x1b[2J"]),
            _ => self.one_of(&["\x1b[K", "\x1b[1K", "\x1b[2K"]),
        }
    }

    fn edit(&mut self) {
        let last = self.random.pick(&["@", "P", "L", "M", "S", "T", " @", " A", "'}", "'~"]);
        self.csi(4, last);
    }

    fn region(&mut self) {
        if self.random.chance(30) {
            self.put("\x1b[r");
        } else {
            let top = self.random.between(1, self.rows);
            let bottom = self.random.between(top, self.rows);
            self.put(&format!("\x1b[{top};{bottom}r"));
        }
        if self.random.chance(20) {
            self.one_of(&["\x1b[?6h", "\x1b[?6l"]);
        }
    }

    fn mode(&mut self) {
        let mode = self.random.pick(&[
            "?1", "?6", "?7", "?9", "?12", "?25", "?45", "?66", "?1000", "?1002", "?1003", "?1004", "?1006", "?1016",
            "?2004", "?2026", "4", "20",
        ]);
        let end = self.random.pick(&["h", "l"]);
        self.put(&format!("\x1b[{mode}{end}"));
        if self.random.chance(10) {
            self.one_of(&["\x1b=", "\x1b>", "\x1b[!p"]);
        }
    }

    fn cursor_style(&mut self) {
        let style = self.random.below(7);
        self.put(&format!("\x1b[{style} q"));
    }

    fn charset(&mut self) {
        self.one_of(&[
            "\x1b(0", "\x1b(B", "\x1b)0", "\x1b)B", "\x1b*0", "\x1b(A", "\x1b(K", "\x0e", "\x0f", "\x1bn", "\x1b%G",
        ]);
    }

    fn boxes(&mut self) {
        self.one_of(&["lqqqk", "x  x", "mqqqj", "tnu", "#[\\]"]);
    }

    fn tab(&mut self) {
        self.one_of(&["\t", "\t", "\t", "\x1bH", "\x1b[g", "\x1b[2I", "\x1b[Z", "\x1b[3g"]);
    }

    fn save(&mut self) {
        self.one_of(&["\x1b7", "\x1b8", "\x1b[s", "\x1b[u", "\x1b[?1048h", "\x1b[?1048l"]);
    }

    fn screen(&mut self) {
        if self.random.chance(25) {
            self.one_of(&[
                "\x1b[?1049h",
                "\x1b[?1049l",
                "\x1b[?1049h\x1b[2J",
                "\x1b[?1047h",
                "\x1b[?1047l",
                "\x1b[?47l",
            ]);
        }
    }

    fn link(&mut self) {
        let n = self.random.below(4);
        match self.random.below(3) {
            0 => self.put(&format!("\x1b]8;;https://example.org/{n}\x1b\\")),
            1 => self.put(&format!("\x1b]8;id=part{n};https://example.org/\x07")),
            _ => self.put("\x1b]8;;\x1b\\"),
        }
    }

    fn title(&mut self) {
        let n = self.random.below(100);
        self.put(&format!("\x1b]0;title {n} – ✓\x07"));
    }

    fn repeat(&mut self) {
        self.csi(5, "b");
    }

    fn protect(&mut self) {
        self.one_of(&["\x1b[1\"q", "\x1b[0\"q", "\x1b[2\"q"]);
    }

    fn erase_unprotected(&mut self) {
        self.one_of(&["\x1b[?K", "\x1b[?1K", "\x1b[?2K", "\x1b[?J", "\x1b[?1J"]);
    }

    fn control(&mut self) {
        self.one_of(&["\x07", "\x0b", "\x0c", "\x1b[3J", "\x1b#8", "\x1b[6n", "\x1b[c", "\x18", "\x1bc", "\x1b[!p"]);
    }
}
