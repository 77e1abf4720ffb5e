use super::*;

fn keys(text: &str) -> Vec<String> {
    let path = Path::parse(text).unwrap();
    let segments = path.segments().iter();
    segments.map(|segment| segment.key.to_string()).collect()
}

#[track_caller]
fn fails(text: &str, name: &str, position: usize) {
    let error = Path::parse(text).unwrap_err();
    assert_eq!((error.kind.name(), error.position), (name, position));
    let found = text.encode_utf16().nth(position);
    assert_eq!(error.found, found, "{error}");
    let prefix = format!("at character {position} of the path: expected ");
    assert!(error.to_string().starts_with(&prefix), "{error}");
}

#[test]
fn segments_of_a_path() {
    assert_eq!(keys("a"), ["a"]);
    assert_eq!(keys("data.items[0].name"), ["data", "items", "0", "name"]);
    assert_eq!(keys("[0][1]"), ["0", "1"]);
    assert_eq!(
        keys(r#"["a.b"].c["d"]["e"][7]"#),
        ["a.b", "c", "d", "e", "7"]
    );
    assert_eq!(keys(r#"[""]["\"\\\u0041]["]"#), ["", "\"\\A]["]);
    assert_eq!(keys("日本.a b.'x'"), ["日本", "a b", "'x'"]);
    let path = Path::parse(r#"["\uD800"]"#).unwrap();
    assert_eq!(path.segments()[0].key, Text::from_units(&[0xD800]));
    assert!(Path::root().segments().is_empty());
}

#[test]
fn what_a_segment_stands_for() {
    let segment = |text| Path::parse(text).unwrap().segments()[0].clone();
    assert_eq!(segment("[0]"), segment("0"));
    assert_eq!(segment("[0]"), segment(r#"["0"]"#));
    assert_eq!(segment("0").number, Some(0));
    assert_eq!(segment("[4294967295]").number, Some(u32::MAX));
    for none in ["4294967296", "007", "1e3", "-1", " 1", "٣", "a"] {
        assert_eq!(segment(none).number, None, "{none}");
    }
    assert_eq!(segment(r#"[""]"#).number, None);
    assert_eq!(segment("type").in_dictionary, Some(1));
    assert_eq!(segment("types").in_dictionary, None);
}

#[test]
fn texts_that_are_no_path() {
    fails("", "Step", 0);
    fails(".a", "Step", 0);
    fails("a.", "Step", 2);
    fails("a..b", "Step", 2);
    fails("a.[0]", "Step", 2);
    fails("]", "Step", 0);
    fails("a]", "Separator", 1);
    fails("a\"", "Separator", 1);
    fails("[0]a", "Separator", 3);
    fails("😀[", "IndexOrKey", 3);
    fails("[]", "IndexOrKey", 1);
    fails("[a]", "IndexOrKey", 1);
    fails("[-1]", "IndexOrKey", 1);
    fails("[01]", "Index", 1);
    fails("[4294967296]", "Index", 1);
    fails("[0", "ClosingBracket", 2);
    fails("[0x1]", "ClosingBracket", 2);
    fails("[\"a\"", "ClosingBracket", 4);
    fails("[\"a]", "ClosingQuote", 4);
    fails("[\"", "ClosingQuote", 2);
    for escape in [r"\", r"\n", r"\u", r"\u12", r"\u123g", r"\U0041"] {
        fails(&format!("[\"a{escape}"), "Escape", 3);
        fails(
            &format!("[\"a{escape}\"]"),
            if escape == r"\" {
                "ClosingQuote"
            } else {
                "Escape"
            },
            if escape == r"\" { 6 } else { 3 },
        );
    }
    let error = Path::parse("a]").unwrap_err();
    assert_eq!(
        error.to_string(),
        "at character 1 of the path: expected ., [ or the end, found ']'"
    );
}

#[test]
fn paths_are_bounded() {
    let most = vec!["a"; MAX_PATH_SEGMENTS].join(".");
    assert_eq!(keys(&most).len(), MAX_PATH_SEGMENTS);
    fails(&format!("{most}.b"), "TooManySegments", most.len() + 1);
    fails(&format!("{most}[0]"), "TooManySegments", most.len());
    assert_eq!(keys(&"a".repeat(MAX_PATH_LENGTH)).len(), 1);
    fails(&"a".repeat(MAX_PATH_LENGTH + 1), "TooLong", MAX_PATH_LENGTH);
    fails(&"😀".repeat(MAX_PATH_LENGTH), "TooLong", MAX_PATH_LENGTH);
}
