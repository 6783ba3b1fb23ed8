//! The templates of Promtail's stages: Go templates over what was extracted, with the functions of
//! LogQL and sprig.

use crate::base::template::{Functions, Library, Limits, Template, Value, open_map, sprig};
use crate::query::logql;
use std::fmt;
use std::sync::{Arc, LazyLock};

static LIBRARY: LazyLock<Library> =
    LazyLock::new(|| Library::new(sprig::add_to(logql::add_functions(Functions::new()))));

/// Bytes that one rendering may write: a line's most.
const MAX_TEXT: usize = 256 << 10;

/// A template that is rendered for each line. Equality goes by its text.
#[derive(Clone)]
pub struct StageTemplate(Arc<(String, Template)>);

impl StageTemplate {
    pub fn new(text: &str) -> Result<Self, String> {
        let read = LIBRARY.text(text).map_err(|fault| fault.to_string())?;
        Ok(Self(Arc::new((text.to_owned(), read))))
    }

    /// The template as its author wrote it.
    pub fn as_str(&self) -> &str {
        &self.0.0
    }

    /// The text over these names; a name that is not there is nothing.
    pub fn render<'a>(
        &self,
        names: impl Iterator<Item = (&'a str, String)>,
    ) -> Result<String, String> {
        let data = open_map(names.map(|(name, text)| (name, Value::String(text.into()))));
        let limits = Limits {
            output: MAX_TEXT,
            steps: 100_000,
            ..Limits::default()
        };
        let made = self.0.1.render_within(&data, &limits, None);
        made.map_err(|fault| fault.to_string())
    }
}

impl PartialEq for StageTemplate {
    fn eq(&self, other: &Self) -> bool {
        self.0.0 == other.0.0
    }
}

impl fmt::Debug for StageTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StageTemplate({:?})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(text: &str) -> Result<String, String> {
        let names = [("level", "WARN".to_owned()), ("Value", "WARN".to_owned())];
        StageTemplate::new(text)?.render(names.into_iter())
    }

    #[test]
    fn both_tables_are_there() {
        let replaced = r#"{{ if eq .Value "WARN" }}{{ Replace .Value "WARN" "OK" -1 }}{{ end }}"#;
        assert_eq!(render(replaced).as_deref(), Ok("OK"));
        assert_eq!(
            render("{{ .level | ToLower | quote }}").as_deref(),
            Ok("\"warn\"")
        );
        assert_eq!(render("{{ .none }}").as_deref(), Ok("<no value>"));
        assert_eq!(render("{{ default \"x\" .none }}").as_deref(), Ok("x"));
        assert!(render("{{ ToLower .none }}").is_err());
        assert!(
            render("{{ nothing .level }}")
                .unwrap_err()
                .contains("nothing")
        );
    }
}
