//! Several futures at once.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;

/// Waits for both.
///
/// ```
/// use proxy_filter::prelude::*;
/// # struct Stream;
/// impl HttpContext for Stream {
///     fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
///         http.wait(async move |request| {
///             let user = request.call(HttpCall::get("authz", "/user"));
///             let quota = request.call(HttpCall::post("quota", "/take").body("1"));
///             let (user, quota) = join(user, quota).await;
///             if user?.status() != 200 || quota?.status() == 429 {
///                 return LocalReply::new(403).send();
///             }
///             Ok(())
///         })
///     }
/// }
/// ```
pub async fn join<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut from_a, mut from_b) = (None, None);
    poll_fn(|cx| {
        if from_a.is_none() {
            from_a = ready(a.as_mut().poll(cx));
        }
        if from_b.is_none() {
            from_b = ready(b.as_mut().poll(cx));
        }
        match (from_a.take(), from_b.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            (a, b) => {
                (from_a, from_b) = (a, b);
                Poll::Pending
            }
        }
    })
    .await
}

/// Waits for all three.
pub async fn join3<A: Future, B: Future, C: Future>(a: A, b: B, c: C) -> (A::Output, B::Output, C::Output) {
    let (a, (b, c)) = join(a, join(b, c)).await;
    (a, b, c)
}

/// Which of two came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First<A, B> {
    /// The one that was named first.
    Left(A),
    /// The one that was named second.
    Right(B),
}

/// Waits for the first of two and drops the other: what it waits for is forgotten, and a gRPC call cancelled; an HTTP call is still
/// made, as no host can take one back. Where both are there, the one named first counts.
///
/// ```
/// use proxy_filter::prelude::*;
/// async fn fastest(request: &Paused<phase::RequestHeaders>) -> Result<CallReply> {
///     let near = request.call(HttpCall::get("near", "/"));
///     let far = request.call(HttpCall::get("far", "/"));
///     match race(near, far).await {
///         First::Left(reply) | First::Right(reply) => Ok(reply?),
///     }
/// }
/// ```
pub async fn race<A: Future, B: Future>(a: A, b: B) -> First<A::Output, B::Output> {
    let (mut a, mut b) = (pin!(a), pin!(b));
    poll_fn(|cx| match ready(a.as_mut().poll(cx)) {
        Some(a) => Poll::Ready(First::Left(a)),
        None => b.as_mut().poll(cx).map(First::Right),
    })
    .await
}

fn ready<T>(poll: Poll<T>) -> Option<T> {
    match poll {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}
