//! Errors as RFC 9457 says them: `application/problem+json` with status, title and a detail that names the
//! thing and a remedy, in Chinese or English as `Accept-Language` asks.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::console::command::CommandError;

/// A refused or failed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// HTTP status.
    pub status: StatusCode,
    /// What and what to do, in Chinese.
    pub zh: String,
    /// The same in English.
    pub en: String,
    /// For 503 and 429: seconds after which to try again.
    pub retry_after: Option<u32>,
    /// Lines of detail, such as the diagnostics of an inventory.
    pub errors: Vec<String>,
}

impl Problem {
    /// Of a status, in both languages.
    pub fn new(status: StatusCode, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { status, zh: zh.into(), en: en.into(), retry_after: None, errors: Vec::new() }
    }

    /// 400: the request is wrong.
    pub fn wrong(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, zh, en)
    }

    /// 404: no such thing within the caller's scope.
    pub fn unknown(what_zh: &str, what: &str, id: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            format!("{what_zh} `{id}` 不存在或不在可见范围内；请先列出现有的"),
            format!("{what} `{id}` is not known here; list what is there first"),
        )
    }

    /// With lines of detail.
    pub fn with_errors(mut self, errors: Vec<String>) -> Self {
        self.errors = errors;
        self
    }

    /// With a time after which to try again.
    pub const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The answer, in the language that the request asks for.
    pub fn respond(self, headers: &HeaderMap) -> Response {
        let zh = wants_chinese(headers);
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("error"),
            "status": self.status.as_u16(),
            "detail": if zh { &self.zh } else { &self.en },
        });
        if !self.errors.is_empty()
            && let Some(object) = body.as_object_mut()
        {
            object.insert("errors".to_owned(), json!(self.errors));
        }
        let mut answer = (self.status, body.to_string()).into_response();
        let list = answer.headers_mut();
        list.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            list.insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer realm=\"fengsui\""));
        }
        if let Some(seconds) = self.retry_after {
            list.insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
        }
        answer
    }
}

/// True if the first language of `Accept-Language` is Chinese.
pub fn wants_chinese(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.trim_start().to_ascii_lowercase().starts_with("zh"))
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        let en = error.to_string();
        match error {
            CommandError::NotFound { what, id } => Self::unknown(zh_of(what), what, &id),
            CommandError::Forbidden { role, needs } => {
                Self::new(StatusCode::FORBIDDEN, format!("角色 `{role}` 无权执行此操作；需要 `{needs}`"), en)
            }
            CommandError::Conflict(said) => Self::new(StatusCode::CONFLICT, said.zh, said.en),
            CommandError::Invalid(said) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, said.zh, said.en),
            CommandError::Store(why) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, format!("存储失败：{why}；详见管理中心日志"), en)
                    .retry_after(5)
            }
        }
    }
}

/// The Chinese word for a thing that commands name in English.
fn zh_of(what: &str) -> &str {
    match what {
        "incident" => "事件",
        "token" => "令牌",
        "secret" => "凭据",
        "agent" => "探针",
        "asset" => "资产",
        "link" => "链路",
        "region" => "区划",
        "zone" => "网络",
        "person" => "责任人",
        "object" => "对象",
        "user" => "用户",
        "session" => "会话",
        "view" => "视图",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn text(problem: Problem, language: &str) -> (Response, String) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, language.parse().unwrap());
        let answer = problem.respond(&headers);
        let (head, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, 10_000).await.unwrap();
        (Response::from_parts(head, axum::body::Body::empty()), String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_problem_says_what_and_what_to_do_in_the_language_asked_for() {
        let refused = CommandError::Forbidden { role: "viewer", needs: "operator" };
        let (answer, body) = text(refused.clone().into(), "zh-CN,en;q=0.5").await;
        assert_eq!(answer.status(), 403);
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert_eq!(
            body,
            r#"{"type":"about:blank","title":"Forbidden","status":403,"detail":"角色 `viewer` 无权执行此操作；需要 `operator`"}"#
        );
        let (_, body) = text(refused.into(), "en").await;
        assert_eq!(
            body,
            r#"{"type":"about:blank","title":"Forbidden","status":403,"detail":"role `viewer` may not do this; it needs `operator`"}"#
        );
    }

    #[tokio::test]
    async fn a_busy_store_says_when_to_come_back() {
        let (answer, _) = text(CommandError::Store("disk full".into()).into(), "en").await;
        assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (503, "5"));
    }
}
