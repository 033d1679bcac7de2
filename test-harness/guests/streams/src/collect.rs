//! Takes in a whole body of at most as many bytes as configured, and writes before it how long it is. With ` held` after the number
//! the headers wait for it and get the length too.

use proxy_filter::prelude::*;

pub(crate) struct Collect {
    limit: usize,
    held: bool,
}

impl RootContext for Collect {
    type Config = String;

    fn new(config: String, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        let (limit, held) = config.strip_suffix(" held").map_or((&config[..], false), |limit| (limit, true));
        Ok(Self { limit: limit.parse()?, held })
    }
}

impl HttpPlugin for Collect {
    type Http = Stream;

    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> Stream {
        Stream(Rc::clone(self))
    }
}

pub(crate) struct Stream(Rc<Collect>);

impl Stream {
    fn headers(&self) -> HeadersAction {
        if self.0.held { HeadersAction::StopIteration } else { HeadersAction::Continue }
    }
}

impl HttpContext for Stream {
    fn on_request_headers(&mut self, _http: RequestHeaders<'_>) -> Result<HeadersAction> {
        Ok(self.headers())
    }

    fn request_body_policy(&self) -> BodyPolicy {
        BodyPolicy::Collect { limit: self.0.limit }
    }

    fn on_request_body(&mut self, http: RequestBody<'_>) -> Result<DataAction> {
        let length = http.body().len()?.to_string();
        log::debug!("request body of {length}, at the end: {}", http.end_of_stream());
        if let Some(headers) = http.held_headers() {
            headers.set("x-length", &length)?;
        }
        http.body().prepend(length + ":")?;
        Ok(DataAction::Continue)
    }

    fn on_request_trailers(&mut self, http: RequestTrailers<'_>) -> Result<TrailersAction> {
        http.trailers().add("x-seen", "yes")?;
        Ok(TrailersAction::Continue)
    }

    fn on_response_headers(&mut self, _http: ResponseHeaders<'_>) -> Result<HeadersAction> {
        Ok(self.headers())
    }

    fn response_body_policy(&self) -> BodyPolicy {
        BodyPolicy::Collect { limit: self.0.limit }
    }

    fn on_response_body(&mut self, http: ResponseBody<'_>) -> Result<DataAction, Failure> {
        let length = http.body().len()?.to_string();
        log::debug!("response body of {length}, at the end: {}", http.end_of_stream());
        if let Some(headers) = http.held_headers() {
            headers.set("x-length", &length)?;
        }
        http.body().prepend(length + ":")?;
        Ok(DataAction::Continue)
    }

    fn on_response_trailers(&mut self, http: ResponseTrailers<'_>) -> Result<TrailersAction, Failure> {
        http.trailers().add("x-seen", "yes")?;
        Ok(TrailersAction::Continue)
    }
}
