//! One cell of the screen, and the pen that writes it.

/// What stands in a cell: a code point or the number of a cluster, and the cell's width.
///
/// Bits 0–20 hold the code point (or, with [`Glyph::CLUSTER`], a number in the cluster pool);
/// bits 22–23 the width: 0 for the right half of a wide character, 1, or 2 for its left half.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Glyph(pub u32);

impl Glyph {
    /// Set when the low bits number a cluster: a character with combining marks.
    const CLUSTER: u32 = 1 << 21;
    const WIDTH_SHIFT: u32 = 22;
    /// Nothing was ever written here, or it was erased. A space that a program printed is not null:
    /// it counts when a line is re-wrapped.
    pub(super) const NULL: Glyph = Glyph(1 << Self::WIDTH_SHIFT);

    #[inline]
    pub(super) const fn new(ch: u32, width: u32) -> Self {
        Self(ch | width << Self::WIDTH_SHIFT)
    }

    pub(super) const fn cluster(number: u32, width: u32) -> Self {
        Self(number | Self::CLUSTER | width << Self::WIDTH_SHIFT)
    }

    pub(super) const fn with_width(self, width: u32) -> Self {
        Self(self.0 & 0x3f_ffff | width << Self::WIDTH_SHIFT)
    }

    #[inline]
    pub(super) const fn width(self) -> u32 {
        self.0 >> Self::WIDTH_SHIFT
    }

    /// Code point, or 0 for a null cell. Meaningless for a cluster.
    #[inline]
    pub(super) const fn code(self) -> u32 {
        self.0 & 0x1f_ffff
    }

    #[inline]
    pub(super) const fn cluster_number(self) -> Option<u32> {
        if self.0 & Self::CLUSTER == 0 { None } else { Some(self.0 & 0x1f_ffff) }
    }

    #[inline]
    pub(super) const fn has_content(self) -> bool {
        self.0 & 0x3f_ffff != 0
    }

    /// Null or ASCII of width 1: fits one byte.
    #[inline]
    pub(super) const fn is_ascii(self) -> bool {
        self.0 & !0x7f == Self::NULL.0
    }
}

/// How a cell looks: two colours with flags, and the number of an extended attribute.
///
/// A colour is 24 bits with its kind in bits 24–25. The flags share the words with the colours so that
/// a pen is three words and two pens are compared in a few instructions.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Pen {
    /// Colour of the text, and [`fg`] flags.
    pub fg: u32,
    /// Colour behind the text, and [`bg`] flags.
    pub bg: u32,
    /// Number in the pool of extended attributes, 0 for none. Valid with [`bg::EXTENDED`] only.
    pub ext: u32,
}

/// Kinds of colour, in bits 24–25 of a colour word. Zero is the theme's default.
pub(super) mod color {
    pub(crate) const MASK: u32 = 0x3ff_ffff;
    pub(crate) const KIND: u32 = 0x300_0000;
    /// One of the sixteen, as set by SGR 30–37 and 90–97.
    pub(crate) const BASIC: u32 = 0x100_0000;
    /// One of the 256, as set by SGR 38;5.
    pub(crate) const INDEXED: u32 = 0x200_0000;
    pub(crate) const RGB: u32 = 0x300_0000;
}

/// Flags beside the text colour.
pub(super) mod fg {
    pub(crate) const INVERSE: u32 = 1 << 26;
    pub(crate) const BOLD: u32 = 1 << 27;
    pub(crate) const UNDERLINE: u32 = 1 << 28;
    pub(crate) const BLINK: u32 = 1 << 29;
    pub(crate) const INVISIBLE: u32 = 1 << 30;
    pub(crate) const STRIKE: u32 = 1 << 31;
}

/// Flags beside the background colour.
pub(super) mod bg {
    pub(crate) const ITALIC: u32 = 1 << 26;
    pub(crate) const DIM: u32 = 1 << 27;
    /// The extended attribute counts.
    pub(crate) const EXTENDED: u32 = 1 << 28;
    /// Selective erase spares the cell (DECSCA).
    pub(crate) const PROTECTED: u32 = 1 << 29;
    pub(crate) const OVERLINE: u32 = 1 << 30;
}

impl Pen {
    pub(super) const DEFAULT: Pen = Pen { fg: 0, bg: 0, ext: 0 };

    /// The pen that erases: only the background colour of this one.
    #[inline]
    pub(super) const fn eraser(self) -> Pen {
        Pen { fg: 0, bg: self.bg & color::MASK, ext: 0 }
    }

    /// Number of the extended attribute that counts, 0 for none.
    #[inline]
    pub(super) const fn extended(self) -> u32 {
        if self.bg & bg::EXTENDED == 0 { 0 } else { self.ext }
    }
}

/// A cell: 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Cell {
    pub glyph: Glyph,
    pub pen: Pen,
}

impl Cell {
    pub(super) const BLANK: Cell = Cell::null(Pen::DEFAULT);

    #[inline]
    pub(super) const fn null(pen: Pen) -> Self {
        Self { glyph: Glyph::NULL, pen }
    }
}

const _: () = assert!(size_of::<Cell>() == 16, "a full screen of 1,000 × 500 is 8 MB");
