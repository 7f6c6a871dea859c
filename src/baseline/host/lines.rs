//! Lines of configurations that a backslash continues.

/// Lines, those that end in a backslash joined with the next, each with the number of the first, from 1. `tidy` is what is
/// taken of a line before that is looked at, `glue` what stands between the parts. What begins at the end of the text and
/// is not continued there is a line all the same.
pub(super) fn joined<'t>(text: &'t str, tidy: impl Fn(&'t str) -> &'t str, glue: &str) -> Vec<(usize, String)> {
    let (mut all, mut open): (Vec<(usize, String)>, _) = (Vec::new(), false);
    for (line, number) in text.lines().zip(1..) {
        let line = tidy(line);
        let (line, more) = line.strip_suffix('\\').map_or((line, false), |line| (line, true));
        match all.last_mut() {
            Some((_, last)) if open => {
                last.push_str(glue);
                last.push_str(line);
            }
            _ => all.push((number, line.to_owned())),
        }
        open = more;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backslash_joins_lines_and_loses_none() {
        let read = |text| joined(text, str::trim_end, "+");
        let line = |number, text: &str| (number, text.to_owned());
        assert_eq!(read("a\\\nb\\ \nc\nd"), [line(1, "a+b+c"), line(4, "d")]);
        assert_eq!(read("a\nb\\"), [line(1, "a"), line(2, "b")]);
        assert_eq!(read(""), []);
    }
}
