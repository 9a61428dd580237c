//! What comes out is read back by the parser that reads CloudFormation templates here, and by eye where the form matters.

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::*;

const HOSTILE: [&str; 22] = [
    "",
    "yes",
    "no",
    "~",
    "null",
    "1e3",
    "0x10",
    "12:30:45",
    "2025-12-15",
    "!Ref Secret",
    "!!python/object/apply:os.system [id]",
    "*alias",
    "&anchor",
    "%YAML 1.2",
    "@at `tick`",
    "- item\n- item",
    "key: value # comment",
    "a\n  b\n\n c \\\n\td\r\n",
    "quote \" and ' and \\ and \\n",
    "${AWS::AccountId} ${!x} $${ {{x}}",
    "\u{0}\u{7}\u{1b}[31m\u{85}\u{2028}\u{feff}\u{7f}",
    "naïve 温度 😀",
];

/// Every scalar of `yaml`, with whether it was quoted.
fn scalars(yaml: &str) -> Vec<(String, bool)> {
    let read = |event: Event<'_>| match event {
        Event::Scalar(text, style, ..) => Some((text.into_owned(), style == ScalarStyle::DoubleQuoted)),
        _ => None,
    };
    Parser::new_from_str(yaml).map(|event| event.unwrap_or_else(|e| panic!("{e}\n{yaml}")).0).filter_map(read).collect()
}

#[test]
fn a_text_is_read_back_as_it_was_wherever_it_stands() {
    for text in HOSTILE {
        let template = Map::new()
            .with("Plain", text)
            .with("List", [text, text])
            .with("Maps", [Map::new().with(text, text).with("Other", text)])
            .with("Deep", Map::new().with("Deeper", Map::new().with("Deepest", text)));
        let yaml = render(&template);
        let found = scalars(&yaml);
        let there = found.iter().filter(|(read, quoted)| read == text && *quoted).count();
        assert_eq!(there, 7, "{text:?} in\n{yaml}");
        assert!(yaml.is_ascii(), "{yaml}");
    }
}

#[test]
fn no_text_adds_an_event() {
    let events = |text: &str| {
        let yaml = render(&Map::new().with("A", text).with("B", Node::Sub(vec![Piece::Literal(text.to_owned())])));
        Parser::new_from_str(&yaml).count()
    };
    for text in HOSTILE {
        assert_eq!(events(text), events("x"), "{text:?}");
    }
}

#[test]
fn a_comment_stays_on_its_line() {
    for text in HOSTILE {
        let mut template = Map::new();
        template.put_noted(text, "A", "x");
        let yaml = render(&template);
        assert_eq!(yaml.lines().count(), 2, "{yaml}");
        assert_eq!(scalars(&yaml).len(), 2, "{yaml}");
    }
}

#[test]
fn literals_of_a_substitution_stand_for_themselves() {
    let pieces = vec![
        Piece::Literal("$".to_owned()),
        Piece::Literal("{Secret} ${AWS::AccountId} ".to_owned()),
        Piece::Reference("Data}base".to_owned()),
        Piece::Literal("{x}".to_owned()),
    ];
    assert_eq!(render(&Map::new().with("A", Node::Sub(pieces))), "A: !Sub \"${!Secret} ${!AWS::AccountId} ${Database}{x}\"\n");
}

#[test]
fn our_own_substitutions_know_references_and_pieces() {
    let table = Piece::Literal("${x}".to_owned());
    assert_eq!(
        sub("a/${AWS::Region}/${@table}-b", &[("table", table)]),
        Node::Sub(vec![
            Piece::Literal("a/".into()),
            Piece::Reference("AWS::Region".into()),
            Piece::Literal("/".into()),
            Piece::Literal("${x}".into()),
            Piece::Literal("-b".into()),
        ])
    );
}

#[test]
fn dynamic_references_are_refused_and_nothing_else_is() {
    for text in ["{{resolve:ssm:x}}", "a {{Resolve:secretsmanager:b:SecretString:c}}"] {
        assert_eq!(foreign(text), Err(DynamicReference), "{text}");
    }
    for text in HOSTILE {
        assert_eq!(foreign(text), Ok(text));
    }
}

#[test]
fn a_template_can_be_read_by_a_person() {
    let template = Map::new()
        .with("Version", "2010-09-09")
        .with("Queue", Map::new().with("Type", "AWS::SQS::Queue").with("Encrypted", true).with("Seconds", 5_i64))
        .with("Tags", [Map::new().with("Key", "a").with("Value", reference("AWS::Region"))])
        .with("Arn", attribute("Queue", "Arn"))
        .with("Actions", only_if("HasTopic", [reference("Topic")]))
        .with("Sql", "SELECT *\n  FROM t")
        .with("None", Vec::<Node>::new());
    let expected = r#"Version: "2010-09-09"
Queue:
  Type: "AWS::SQS::Queue"
  Encrypted: true
  Seconds: 5
Tags:
  - Key: "a"
    Value: !Ref AWS::Region
Arn: !GetAtt Queue.Arn
Actions: !If
  - "HasTopic"
  -
    - !Ref Topic
  - !Ref AWS::NoValue
Sql: "SELECT *\n\
  \  FROM t"
None: []
"#;
    assert_eq!(render(&template), expected);
}
