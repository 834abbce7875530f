//! What findings weigh. The numbers are data, see [`Weights`]; what a site's own users do weakens
//! them, see `tails`.

use thiserror::Error;

/// A weight, in thousandths of a nat, so that two are equal or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Weight(i32);

impl Weight {
    /// In nats, or whatever the number stands for.
    pub fn value(self) -> f64 {
        f64::from(self.0) / 1000.0
    }
}

macro_rules! weights {
    ($($name:ident),+ $(,)?) => {
        /// All weights, by the names that [`Weights::DEFAULT_TOML`] explains.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the file explains each")]
        pub struct Weights {
            $(pub $name: Weight,)+
        }

        impl Weights {
            const NONE: Weights = Weights { $($name: Weight(0),)+ };
            const NAMES: &[&str] = &[$(stringify!($name)),+];

            fn set(&mut self, name: &str, weight: Weight) {
                match name {
                    $(stringify!($name) => self.$name = weight,)+
                    _ => {}
                }
            }
        }
    };
}

weights!(
    site_share,
    no_sink,
    no_sink_per_doubling,
    no_sink_newcomer,
    vanish,
    resets,
    client_max,
    client_agent,
    client_order,
    client_reuse,
    client_blocks,
    client_escapes,
    client_key,
    client_headers,
    stall,
    handshake_empty,
    handshake_silent,
    handshake_real,
    speed,
    history,
    model,
    networks_one_program,
    networks_two_programs,
    networks_more_programs,
    travel,
    honeypot,
    zero_test,
    confirmed,
);

/// What is wrong with a file of weights.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WeightsError {
    /// A line is neither a comment nor `name = number`, with a number from -10 to 10.
    #[error("line {0} should be `name = number`, with a number from -10 to 10")]
    Line(usize),
    /// There is no weight of this name, or it is there twice.
    #[error("there is no weight `{0}`, or it is there twice")]
    Name(String),
    /// A weight is missing.
    #[error("the weight `{0}` is missing")]
    Missing(&'static str),
}

impl Weights {
    /// The file that is used if the operator has no other one, in TOML.
    pub const DEFAULT_TOML: &str = include_str!("weights.toml");

    /// Reads a file of weights: TOML of nothing but comments and `name = number`.
    ///
    /// # Errors
    ///
    /// See [`WeightsError`]: all weights have to be there, once.
    pub fn parse(text: &str) -> Result<Self, WeightsError> {
        let mut weights = Self::NONE;
        let mut missing: Vec<&'static str> = Self::NAMES.to_vec();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let (name, value) = line.split_once('=').ok_or(WeightsError::Line(number))?;
            let value = value.trim().parse::<f64>().ok().filter(|it| it.abs() <= 10.0);
            let value = value.ok_or(WeightsError::Line(number))?;
            let name = name.trim();
            let at = missing.iter().position(|it| *it == name);
            missing.swap_remove(at.ok_or_else(|| WeightsError::Name(name.to_owned()))?);
            weights.set(name, Weight((value * 1000.0).round() as i32));
        }
        missing.first().map_or(Ok(weights), |name| Err(WeightsError::Missing(name)))
    }
}

impl Default for Weights {
    /// Those of [`Weights::DEFAULT_TOML`].
    fn default() -> Self {
        // A test reads it.
        Self::parse(Self::DEFAULT_TOML).unwrap_or(Self::NONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_every_weight_once_and_is_toml() {
        let weights = Weights::parse(Weights::DEFAULT_TOML).unwrap();
        assert_eq!(weights, Weights::default());
        assert_eq!((weights.no_sink.value(), weights.stall.value()), (2.0, 0.3));
        let table: toml::Table = toml::from_str(Weights::DEFAULT_TOML).unwrap();
        assert_eq!(table.len(), Weights::NAMES.len());
    }

    #[test]
    fn a_file_that_is_not_whole_says_what_is_wrong() {
        let parse = |change: fn(String) -> String| {
            Weights::parse(&change(Weights::DEFAULT_TOML.to_owned())).unwrap_err()
        };
        let without = parse(|text| text.replace("\nspeed = 3.0", ""));
        assert_eq!(without, WeightsError::Missing("speed"));
        let twice = parse(|text| text + "speed = 1.0\n");
        assert_eq!(twice, WeightsError::Name("speed".to_owned()));
        let lines = Weights::DEFAULT_TOML.lines().count();
        assert_eq!(parse(|text| text + "more\n"), WeightsError::Line(lines + 1));
        assert_eq!(parse(|text| text + "speed = 11\n"), WeightsError::Line(lines + 1));
        assert_eq!(parse(|text| text + "speed = NaN\n"), WeightsError::Line(lines + 1));
    }
}
