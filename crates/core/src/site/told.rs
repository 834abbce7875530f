//! How refusals are told: in which words, in which form, and which one if there are several.

use std::borrow::Cow;

use crate::refusal::RefusalKind;

const KINDS: usize = RefusalKind::ALL.len();

/// How a refusal reaches the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// As a failure, which clients show, and after which some ask less often.
    #[default]
    Failure,
    /// As an answer without peers and with a warning.
    Warning,
    /// As an answer without peers.
    Silent,
}

/// The text of each kind of refusal.
pub type Texts = [Cow<'static, str>; KINDS];

/// Texts and forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    texts: Texts,
    forms: [Form; KINDS],
}

impl Default for Told {
    fn default() -> Self {
        let text = |at: usize| RefusalKind::ALL.get(at).map_or("", |kind| kind.text());
        Self { texts: std::array::from_fn(|at| text(at).into()), forms: [Form::Failure; KINDS] }
    }
}

impl Told {
    /// The text of a kind; for what it may contain see [`RefusalKind::text`].
    pub fn text(&self, kind: RefusalKind) -> &str {
        self.texts.get(kind.index()).map_or("", |text| text)
    }

    /// The form of a kind.
    pub fn form(&self, kind: RefusalKind) -> Form {
        self.forms.get(kind.index()).copied().unwrap_or_default()
    }

    /// Replaces a text.
    pub fn set_text(&mut self, kind: RefusalKind, text: impl Into<Cow<'static, str>>) {
        if let Some(place) = self.texts.get_mut(kind.index()) {
            *place = text.into();
        }
    }

    /// Replaces a form.
    pub fn set_form(&mut self, kind: RefusalKind, form: Form) {
        if let Some(place) = self.forms.get_mut(kind.index()) {
            *place = form;
        }
    }

    pub(super) fn with(texts: &[(RefusalKind, &'static str)], warnings: &[RefusalKind]) -> Self {
        let mut told = Self::default();
        for (kind, text) in texts {
            told.set_text(*kind, *text);
        }
        for kind in warnings {
            told.set_form(*kind, Form::Warning);
        }
        told
    }
}

/// The order of the checks, as far as it shows: of several reasons the first is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    ranks: [u8; KINDS],
}

impl Default for Order {
    /// That of [`RefusalKind::ALL`].
    fn default() -> Self {
        Self::of(&[])
    }
}

impl Order {
    /// These kinds first, the others in the order of [`RefusalKind::ALL`] behind them.
    pub fn of(first: &[RefusalKind]) -> Self {
        let mut ranks = [0; KINDS];
        let others = RefusalKind::ALL.iter().filter(|kind| !first.contains(kind));
        for (rank, kind) in first.iter().chain(others).enumerate() {
            if let Some(place) = ranks.get_mut(kind.index()) {
                *place = rank as u8;
            }
        }
        Self { ranks }
    }

    /// Place in the order.
    pub fn rank(&self, kind: RefusalKind) -> u8 {
        self.ranks.get(kind.index()).copied().unwrap_or(u8::MAX)
    }

    /// All kinds, in order.
    pub fn kinds(&self) -> Vec<RefusalKind> {
        let mut kinds = RefusalKind::ALL.to_vec();
        kinds.sort_by_key(|kind| self.rank(*kind));
        kinds
    }
}
