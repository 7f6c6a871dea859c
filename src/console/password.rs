//! Passwords: which are good enough, and how they are kept (argon2id, as PHC strings). It refuses to say which
//! password it looked at, in any error; it knows no users and no database.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};

use crate::console::command::{Said, said};
use crate::console::secrets::random;
use crate::console::store::{HashCost, StoreError};
use crate::model::SecretText;

/// The shortest password, in characters (GB/T 22239 asks for complexity, our own check for 12).
pub const SHORTEST: usize = 12;
/// The longest, in characters: longer ones are pasted files.
pub const LONGEST: usize = 128;
/// Of lower case, upper case, digits and others, so many must be there.
pub const CLASSES: usize = 3;
/// Characters that differ, at least.
const DIFFERENT: usize = 6;
/// A name shorter than this is in many passwords by chance.
const NAME_COUNTS: usize = 3;
/// The last ones of a user, the one in force included, may not come back.
pub const HISTORY: usize = 5;

/// What people take first, and what vendors ship; without digits and signs, in small letters.
const COMMON: &[&str] = &[
    "admin",
    "adminadmin",
    "administrator",
    "changeme",
    "cisco",
    "fengsui",
    "guanliyuan",
    "hthreec",
    "huawei",
    "huaweiadmin",
    "adminhuawei",
    "iloveyou",
    "letmein",
    "login",
    "manager",
    "mima",
    "monkey",
    "operator",
    "password",
    "passwd",
    "public",
    "qazwsx",
    "qazwsxedc",
    "qwer",
    "qwerty",
    "qwertyuiop",
    "root",
    "rootroot",
    "ruijie",
    "secret",
    "super",
    "superuser",
    "system",
    "test",
    "user",
    "welcome",
    "woaini",
    "xinjiang",
    "zhongguo",
    "zxcvbn",
    "zxcvbnm",
    "abc",
    "abcd",
    "abcdef",
    "asdf",
    "asdfgh",
    "asdfghjkl",
    "qweasd",
    "qweasdzxc",
    "hello",
    "china",
    "aksu",
    "aaa",
];
/// Rows of a keyboard and runs; whoever takes eight of one in order chose nothing.
const RUNS: &[&str] = &[
    "01234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "!qaz@wsx#edc$rfv%tgb^yhn&ujm",
    "1qaz@wsx3edc",
    "!@#$%^&*()",
];
/// So many of a run in order.
const RUN: usize = 8;

/// Why a password is not good enough for a user of that name; `None` if it is.
pub fn weakness(name: &str, password: &SecretText) -> Option<Said> {
    let text = password.expose();
    let long = text.chars().count();
    if !(SHORTEST..=LONGEST).contains(&long) {
        return Some(said(
            format!("密码须有 {SHORTEST} 至 {LONGEST} 个字符；现有 {long} 个"),
            format!("a password has {SHORTEST} to {LONGEST} characters; this one has {long}"),
        ));
    }
    if text.chars().any(char::is_control) {
        return Some(said("密码中不能有控制字符或换行", "a password has no control characters and no line ends"));
    }
    let kinds: [fn(char) -> bool; 4] = [
        |c| c.is_ascii_lowercase(),
        |c| c.is_ascii_uppercase(),
        |c| c.is_ascii_digit(),
        |c| !c.is_ascii_alphanumeric(),
    ];
    if kinds.iter().filter(|kind| text.chars().any(kind)).count() < CLASSES {
        return Some(said(
            format!("密码须含小写字母、大写字母、数字、其他字符中的至少 {CLASSES} 类"),
            format!("a password holds {CLASSES} of: small letters, capital letters, digits, others"),
        ));
    }
    let small = text.to_lowercase();
    let name = name.to_lowercase();
    let backwards: String = name.chars().rev().collect();
    if name.chars().count() >= NAME_COUNTS && (small.contains(&name) || small.contains(&backwards)) {
        return Some(said("密码中不能含用户名", "a password does not hold the user's name"));
    }
    if guessable(&small) {
        return Some(said(
            "密码过于常见或有规律；请换一个，例如几个不相干的词加数字",
            "the password is one that people try first; take another, such as a few words that have nothing to do with each other and a number",
        ));
    }
    None
}

fn guessable(small: &str) -> bool {
    let different: std::collections::BTreeSet<char> = small.chars().collect();
    if different.len() < DIFFERENT {
        return true;
    }
    let plain: String = small
        .trim_end_matches(|c: char| !c.is_alphabetic())
        .chars()
        .map(|c| match c {
            '0' => 'o',
            '1' | '!' => 'i',
            '3' => 'e',
            '4' | '@' => 'a',
            '5' | '$' => 's',
            '7' => 't',
            other => other,
        })
        .filter(char::is_ascii_alphabetic)
        .collect();
    let letters: String = small.chars().filter(char::is_ascii_alphabetic).collect();
    if [plain, letters].iter().any(|word| word.is_empty() || COMMON.contains(&word.as_str())) {
        return true;
    }
    let backwards: String = small.chars().rev().collect();
    RUNS.iter().any(|run| {
        let run: Vec<char> = run.chars().collect();
        run.windows(RUN).any(|part| {
            let part: String = part.iter().collect();
            small.contains(&part) || backwards.contains(&part)
        })
    })
}

/// Argon2id of that cost.
fn hasher(cost: HashCost) -> Result<Argon2<'static>, StoreError> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None).map_err(|e| failed(&e))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn failed(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Key(format!("a password could not be hashed: {error}"))
}

/// What is kept of a password. Takes a moment and memory on purpose: run it off the runtime's threads.
pub(crate) fn hash(password: &SecretText, cost: HashCost) -> Result<String, StoreError> {
    let salt: [u8; 16] = random()?;
    let made: PasswordHash =
        hasher(cost)?.hash_password_with_salt(password.expose().as_bytes(), &salt).map_err(|e| failed(&e))?;
    Ok(made.to_string())
}

/// Whether a password is the one that was hashed. Costs as much as that hash did, whatever it answers.
pub(crate) fn verify(password: &SecretText, kept: &str) -> bool {
    PasswordHash::new(kept)
        .is_ok_and(|kept| Argon2::default().verify_password(password.expose().as_bytes(), &kept).is_ok())
}

/// The hash of no password: what a name that is not there is checked against, so that it takes as long.
pub(crate) fn decoy(cost: HashCost) -> Result<String, StoreError> {
    let params = hasher(cost)?.params().clone();
    let (salt, output): ([u8; 16], [u8; 32]) = (random()?, random()?);
    let made = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).map_err(|e| failed(&e))?,
        salt: Some(Salt::new(&salt).map_err(|e| failed(&e))?),
        hash: Some(Output::new(&output).map_err(|e| failed(&e))?),
    };
    Ok(made.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: HashCost = HashCost { memory_kib: 8, passes: 1, lanes: 1 };

    #[test]
    fn the_policy_says_what_is_wrong() {
        for (name, password, wrong) in [
            ("duty", "Beacon-tower-7", ""),
            ("duty", "烽燧Kizilgaha-2026", ""),
            ("duty", "correct horse Battery", ""),
            ("li", "Polite-Camel-41", ""),
            ("duty", "Short-1aA", "12 to 128 characters; this one has 9"),
            ("duty", "", "this one has 0"),
            ("duty", "Beacon\ntower-7", "no control characters"),
            ("duty", "beacontower77777", "3 of: small letters"),
            ("duty", "onlysmallletters", "3 of: small letters"),
            ("zhang.san", "Zhang.San-Beacon7", "does not hold the user's name"),
            ("zhang", "Gnahz-Beacon-71", "does not hold the user's name"),
            ("duty", "Admin@123456", "people try first"),
            ("duty", "P@ssw0rd2024!", "people try first"),
            ("duty", "Huawei@12345", "people try first"),
            ("duty", "1qaz@WSX3edc", "people try first"),
            ("duty", "Xy-12345678-ok", "people try first"),
            ("duty", "Xy-87654321-ok", "people try first"),
            ("duty", "Aa1Aa1Aa1Aa1", "people try first"),
            ("duty", "Qwertyuiop12", "people try first"),
            ("duty", "20261125-20261126", "3 of: small letters"),
        ] {
            let said = weakness(name, &SecretText::new(password)).map(|said| said.en).unwrap_or_default();
            assert_eq!(said.is_empty(), wrong.is_empty(), "{password}: {said}");
            assert!(said.contains(wrong), "{password}: {said}");
            assert!(password.is_empty() || !said.contains(password), "the refusal quotes the password");
        }
    }

    #[test]
    fn a_hash_names_its_cost_and_opens_for_its_password_only() {
        let (right, wrong) = (SecretText::new("Beacon-tower-7"), SecretText::new("Beacon-tower-8"));
        let kept = hash(&right, CHEAP).unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{kept}");
        assert!(verify(&right, &kept));
        assert!(!verify(&wrong, &kept));
        assert_ne!(hash(&right, CHEAP).unwrap(), kept, "the salt is new each time");
        assert!(!verify(&right, "") && !verify(&right, "$argon2id$"));
    }

    #[test]
    fn the_decoy_costs_the_same_and_opens_for_nothing() {
        let decoy = decoy(CHEAP).unwrap();
        let kept = hash(&SecretText::new("Beacon-tower-7"), CHEAP).unwrap();
        let form = |text: &str| text.split('$').map(str::len).collect::<Vec<_>>();
        assert_eq!(form(&decoy), form(&kept));
        assert!(!verify(&SecretText::new(""), &decoy));
    }

    #[test]
    fn a_hash_costs_what_the_rules_say_unless_told() {
        let cost = HashCost::default();
        assert_eq!((cost.memory_kib, cost.passes, cost.lanes), (65_536, 3, 1));
    }
}
