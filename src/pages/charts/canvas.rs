//! Where charts are drawn: SVG whose colours are names, for the page's style sheet to fill in.
//!
//! The library's own SVG writer uses fixed colours. A page is shown in light mode, in dark mode and
//! on paper, so shapes only have classes here, and the style sheet defines their look. Coordinates
//! are whole tenths of a pixel: the same rows give the same bytes.

use std::{convert::Infallible, fmt::Write as _};

use plotters::style::RGBColor;
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
    FontTransform,
    text_anchor::{HPos, VPos},
};

/// Units of the drawing to a pixel of its natural size.
pub const SCALE: u32 = 10;

/// What a shape is; the style sheet has a colour for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    Text,
    Axis,
    Grid,
    Mark,
    First,
    Second,
    Third,
    Fourth,
    Fifth,
}

impl Ink {
    const ALL: [Self; 9] = [
        Self::Text,
        Self::Axis,
        Self::Grid,
        Self::Mark,
        Self::First,
        Self::Second,
        Self::Third,
        Self::Fourth,
        Self::Fifth,
    ];

    /// Its name in classes of the style sheet.
    pub fn class(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Axis => "axis",
            Self::Grid => "grid",
            Self::Mark => "mark",
            Self::First => "one",
            Self::Second => "two",
            Self::Third => "three",
            Self::Fourth => "four",
            Self::Fifth => "five",
        }
    }

    /// The colour that identifies it between the library and the canvas; it is not drawn.
    pub fn color(self) -> RGBColor {
        let number = Self::ALL.iter().position(|ink| *ink == self).unwrap_or(0);
        RGBColor(u8::try_from(number).unwrap_or(0), 0, 0)
    }

    fn of(color: BackendColor) -> Self {
        Self::ALL.get(usize::from(color.rgb.0)).copied().unwrap_or(Self::Text)
    }
}

/// A drawing that is being made.
pub struct Canvas<'a> {
    out: &'a mut String,
    size: (u32, u32),
}

impl<'a> Canvas<'a> {
    /// An empty drawing of a natural size in pixels, which writes itself to `out`.
    pub fn new(out: &'a mut String, width: u32, height: u32, describes: &str) -> Self {
        let size = (width * SCALE, height * SCALE);
        let _ = write!(
            out,
            "<svg class=\"chart\" role=\"img\" viewBox=\"0 0 {} {}\" width=\"{width}\" \
             height=\"{height}\" aria-label=\"{}\">",
            size.0,
            size.1,
            crate::pages::escape::html(describes)
        );
        Self { out, size }
    }

    fn path(&mut self, points: impl IntoIterator<Item = BackendCoord>, closed: bool) {
        let mut before: Option<BackendCoord> = None;
        self.out.push_str(" d=\"");
        for (x, y) in points {
            match before {
                None => _ = write!(self.out, "M{x} {y}"),
                Some((at, level)) if level == y => _ = write!(self.out, "h{}", x - at),
                Some((at, level)) if at == x => _ = write!(self.out, "v{}", y - level),
                Some((at, level)) => _ = write!(self.out, "l{} {}", x - at, y - level),
            }
            before = Some((x, y));
        }
        self.out.push_str(if closed { "z\"/>" } else { "\"/>" });
    }

    fn filled(&mut self, color: BackendColor) {
        let class = Ink::of(color).class();
        let _ = write!(self.out, "<path class=\"fill {class}\"");
        if color.alpha < 1.0 {
            let _ = write!(self.out, " fill-opacity=\"{}\"", color.alpha);
        }
    }

    fn stroked(&mut self, color: BackendColor) {
        let _ = write!(self.out, "<path class=\"line {}\"", Ink::of(color).class());
    }
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

impl DrawingBackend for Canvas<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        self.filled(color);
        self.path([(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)], true);
        Ok(())
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Drawn {
        if style.color().alpha > 0.0 {
            self.stroked(style.color());
            self.path([from, to], false);
        }
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (left, top): BackendCoord,
        (right, bottom): BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        if style.color().alpha > 0.0 {
            if fill {
                self.filled(style.color())
            } else {
                self.stroked(style.color())
            }
            self.path([(left, top), (right, top), (right, bottom), (left, bottom)], true);
        }
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        if style.color().alpha > 0.0 {
            self.stroked(style.color());
            self.path(path, false);
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        corners: I,
        style: &S,
    ) -> Drawn {
        if style.color().alpha > 0.0 {
            self.filled(style.color());
            self.path(corners, true);
        }
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        (x, y): BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let kind = if fill { "fill" } else { "line" };
        let class = Ink::of(style.color()).class();
        let _ = write!(
            self.out,
            "<circle class=\"{kind} {class}\" cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"/>"
        );
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        (x, y): BackendCoord,
    ) -> Drawn {
        let anchor = match style.anchor().h_pos {
            HPos::Left => "start",
            HPos::Right => "end",
            HPos::Center => "middle",
        };
        let shift = match style.anchor().v_pos {
            VPos::Top => ".8em",
            VPos::Center => ".35em",
            VPos::Bottom => "-.25em",
        };
        let _ = write!(
            self.out,
            "<text class=\"{}\" x=\"{x}\" y=\"{y}\" dy=\"{shift}\" text-anchor=\"{anchor}\"",
            Ink::of(style.color()).class()
        );
        let degrees = match style.transform() {
            FontTransform::None => 0,
            FontTransform::Rotate90 => 90,
            FontTransform::Rotate180 => 180,
            FontTransform::Rotate270 => 270,
        };
        if degrees != 0 {
            let _ = write!(self.out, " transform=\"rotate({degrees} {x} {y})\"");
        }
        let _ = write!(self.out, ">{}</text>", crate::pages::escape::html(text));
        Ok(())
    }
}

impl Drop for Canvas<'_> {
    fn drop(&mut self) {
        self.out.push_str("</svg>\n");
    }
}
