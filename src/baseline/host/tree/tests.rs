//! Trees of the programs' own examples, and of what nobody should write.

use super::*;
use crate::baseline::host::Found;
use crate::baseline::host::include::{Files, made};

const NGINX: &str = "/etc/nginx/nginx.conf";

fn xml_of(text: &str) -> Result<Option<Tree>, Broken> {
    xml(&mut Files::of(&made::root(&[("/s.xml", text)]), &mut Found::default()), "/s.xml")
}

fn apache_of(texts: &[(&str, &str)], path: &str) -> Result<Option<Tree>, Broken> {
    apache(&mut Files::of(&made::root(texts), &mut Found::default()), path, "/etc/httpd")
}

fn nginx(texts: &[(&str, &str)]) -> Result<Option<Tree>, Broken> {
    braces(&mut Files::of(&made::root(texts), &mut Found::default()), NGINX, "/etc/nginx", Style::NGINX)
}

#[test]
fn an_inner_block_overrides_and_all_else_is_inherited() {
    let tree = nginx(&[
        (NGINX, "user www-data;\nhttp {\n  server_tokens off; # here\n  include conf.d/*.conf;\n  log_format m '$a \"$b\"; ' \"x\";\n}\n"),
        ("/etc/nginx/conf.d/a.conf", "server { listen 80; server_tokens on; location ~ \\.php$ { if ($x = '{') { return 1; } } }\n"),
        ("/etc/nginx/conf.d/b.conf", "server {\n listen 443 ssl;\n set $y ${x}z;\n}\n"),
    ])
    .unwrap()
    .unwrap();
    let found = tree.effective(Some("server"), "server_tokens", &[]);
    let short: Vec<_> = found
        .iter()
        .map(|f| (f.decide[0].args[0].as_str(), tree.files[f.decide[0].file].as_str(), f.decide[0].line))
        .collect();
    assert_eq!(short, [("on", "/etc/nginx/conf.d/a.conf", 1), ("off", NGINX, 3)]);
    assert_eq!(tree.effective(Some("location"), "server_tokens", &[])[0].decide[0].args, ["on"]);
    assert_eq!(tree.effective(None, "user", &[])[0].decide[0].args, ["www-data"]);
    assert_eq!(tree.named("log_format")[0].decide[0].args, ["m", "$a \"$b\"; ", "x"]);
    assert_eq!(tree.named("set")[0].decide[0].args, ["$y", "${x}z"]);
    assert!(tree.effective(Some("server"), "autoindex", &[]).iter().all(|f| f.decide.is_empty()));
}

#[test]
fn sections_of_apache_nest_and_some_only_group() {
    let text = "ServerTokens OS\n<IfModule mod_x.c>\n  TraceEnable Off\n</IfModule>\n\
        <VirtualHost *:80>\n ServerName a\n LogFormat \"%h \\\"%r\\\"\" \\\n  combined\n</VirtualHost>\n\
        <Directory \"/var/www html\">\n Options Indexes \\\n  FollowSymLinks\n</Directory>\nIncludeOptional more\n";
    let texts = [("/etc/httpd/httpd.conf", text), ("/etc/httpd/more/z.conf", "servertokens Prod\n")];
    let tree = apache_of(&texts, "/etc/httpd/httpd.conf").unwrap().unwrap();
    let tokens = &tree.effective(None, "ServerTokens", &["ifmodule"])[0].decide;
    assert_eq!(tokens.iter().map(|n| n.args[0].as_str()).collect::<Vec<_>>(), ["OS", "Prod"]);
    let host = &tree.effective(Some("virtualhost"), "traceenable", &["IfModule"])[0];
    assert_eq!((host.decide[0].args[0].as_str(), host.decide[0].line, host.path[0].line), ("Off", 3, 5));
    let directory = &tree.effective(Some("Directory"), "options", &[])[0];
    assert_eq!(directory.path[0].args, ["/var/www html"]);
    assert_eq!(
        (directory.decide[0].args.join(" ").as_str(), directory.decide[0].line),
        ("Indexes FollowSymLinks", 11)
    );
    assert!(apache_of(&[("/a", "<A>\n</B>")], "/a").is_err());
    assert!(apache_of(&[("/a", "<A>\n")], "/a").is_err());
}

#[test]
fn elements_have_attributes_and_lines() {
    let text = "<?xml version='1.0'?>\n<!-- <Server port=\"1\"/> -->\n<Server port=\"8005\" shutdown=\"SHUT&amp;DOWN\">\n  <Service>\n    <Connector\n      port=\"8080\"/>\n  </Service>\n</Server>\n";
    let tree = xml_of(text).unwrap().unwrap();
    assert_eq!((tree.top[0].attribute("PORT"), tree.top[0].line), (Some("8005"), 3));
    assert_eq!(tree.top[0].attribute("shutdown"), Some("SHUT&DOWN"));
    let connector = &tree.named("connector")[0];
    assert_eq!(
        (connector.decide[0].attribute("port"), connector.decide[0].line, connector.path.len()),
        (Some("8080"), 5, 2)
    );
    for bad in ["<a>", "<a></b>", "<a", "</a>"] {
        assert!(xml_of(bad).is_err(), "{bad}");
    }
    let bomb = "<!DOCTYPE a [<!ENTITY b \"xxxxxxxx\"><!ENTITY c SYSTEM \"file:///etc/passwd\">]><a v=\"&b;&c;\"/>";
    let tree = xml_of(bomb).unwrap().unwrap();
    assert_eq!(tree.top[0].attribute("v"), Some("&b;&c;"));
}

#[test]
fn what_does_not_end_is_an_error_with_its_place() {
    let deep = "a {".repeat(1_000_000);
    for (text, what) in [
        (deep.as_str(), "deeper"),
        ("http {\n", "not closed"),
        ("}\n", "closes nothing"),
        ("include nginx.conf;\n", "circle"),
        (&"a;".repeat(250_000), "more directives"),
    ] {
        let error = nginx(&[(NGINX, text)]).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
        assert!(error.to_string().starts_with(NGINX), "{error}");
    }
    assert!(nginx(&[]).unwrap().is_none());
    // One line of ten million characters is one word.
    assert!(nginx(&[(NGINX, &"x".repeat(8_000_000))]).is_ok());
    // A block may not be closed by a file that it includes.
    assert!(nginx(&[(NGINX, "http {\ninclude b;\n"), ("/etc/nginx/b", "}\n")]).is_err());
}
