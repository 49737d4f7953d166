//! Parameters of a control sequence, with the same limits as xterm.js: what overflows here overflows there.

/// Parameters, and separately their sub-parameters, that one sequence may have.
const COUNT_MAX: usize = 32;

/// Numbers of a control sequence: `1;2` are parameters, `4:3` is a parameter with a sub-parameter.
#[derive(Debug, Clone)]
pub(super) struct Params {
    values: [i32; COUNT_MAX],
    len: usize,
    subs: [i32; COUNT_MAX],
    subs_len: usize,
    /// Where each parameter's sub-parameters begin and end.
    ranges: [(u8, u8); COUNT_MAX],
    /// Too many parameters: further digits are dropped.
    full: bool,
    /// Too many sub-parameters: their further digits are dropped.
    subs_full: bool,
    digit_is_sub: bool,
}

impl Params {
    pub(super) fn new() -> Self {
        Self {
            values: [0; COUNT_MAX],
            len: 1,
            subs: [0; COUNT_MAX],
            subs_len: 0,
            ranges: [(0, 0); COUNT_MAX],
            full: false,
            subs_full: false,
            digit_is_sub: false,
        }
    }

    /// Back to one parameter of zero, which is what a sequence without any has.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.values[0] = 0;
        self.ranges[0] = (0, 0);
        self.len = 1;
        self.subs_len = 0;
        self.full = false;
        self.subs_full = false;
        self.digit_is_sub = false;
    }

    /// One of `0`–`9`, `;` and `:`.
    #[inline]
    pub(super) fn push(&mut self, byte: u8) {
        match byte {
            b';' => self.push_param(),
            b':' => self.push_sub(),
            _ => self.push_digit(i32::from(byte - b'0')),
        }
    }

    #[inline]
    fn push_param(&mut self) {
        self.digit_is_sub = false;
        if self.len >= COUNT_MAX {
            self.full = true;
            return;
        }
        let at = self.subs_len as u8;
        self.ranges[self.len] = (at, at);
        self.values[self.len] = 0;
        self.len += 1;
    }

    fn push_sub(&mut self) {
        self.digit_is_sub = true;
        if self.full || self.subs_len >= COUNT_MAX {
            self.subs_full = true;
            return;
        }
        self.subs[self.subs_len] = -1;
        self.subs_len += 1;
        self.ranges[self.len - 1].1 += 1;
    }

    #[inline]
    fn push_digit(&mut self, digit: i32) {
        if self.full || self.digit_is_sub && self.subs_full {
            return;
        }
        let value = if self.digit_is_sub { &mut self.subs[self.subs_len - 1] } else { &mut self.values[self.len - 1] };
        *value = if *value == -1 { digit } else { value.saturating_mul(10).saturating_add(digit) };
    }

    #[inline]
    pub(super) fn values(&self) -> &[i32] {
        &self.values[..self.len]
    }

    /// The parameter at `at`, zero if there is none.
    #[inline]
    pub(super) fn get(&self, at: usize) -> usize {
        if at < self.len { self.values[at].max(0) as usize } else { 0 }
    }

    /// The parameter at `at` where zero and absence mean one.
    #[inline]
    pub(super) fn count(&self, at: usize) -> usize {
        self.get(at).max(1)
    }

    /// Sub-parameters of the parameter at `at`; -1 stands for one left empty.
    #[inline]
    pub(super) fn subs(&self, at: usize) -> &[i32] {
        let (start, end) = self.ranges[at];
        &self.subs[usize::from(start)..usize::from(end)]
    }

    /// Writes them as a program would have, so that a parser that reads them is where this one is.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for at in 0..self.len {
            if at > 0 {
                out.push(b';');
            }
            if self.values[at] != 0 {
                out.extend_from_slice(self.values[at].to_string().as_bytes());
            }
            for sub in self.subs(at) {
                out.push(b':');
                if *sub >= 0 {
                    out.extend_from_slice(sub.to_string().as_bytes());
                }
            }
        }
        if self.full {
            out.push(b';');
        }
        if self.subs_full {
            out.push(b':');
        }
    }
}
