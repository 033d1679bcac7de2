//! Plugins come and go while the proxy runs: updates, and the end.

use crate::host::State;
use crate::instance::Instance;
use crate::log::LogLine;
use crate::plugin::Plugin;
use crate::proxy::MockProxy;
use crate::refused::Refused;
use crate::running_vm::{Thread, Vms};
use std::rc::Rc;

impl MockProxy {
    /// Gives the plugin of this name a new configuration, or other code, while the proxy runs (LIF-19).
    ///
    /// As Envoy does, it is tried first in a VM of its own, which is then dropped (LIF-8): its callbacks are in the trace too. When it
    /// is accepted the new plugin is started, as a new root of the VM that runs when code and VM settings are what they were, and
    /// serves the streams that come from now on. Those on their way keep the old root, which ends when the last of them has.
    ///
    /// ```
    /// # mod greet {
    /// #     use proxy_filter::prelude::*;
    /// #     pub struct Greet(String);
    /// #     impl RootContext for Greet { type Config = String; fn new(greeting: String, _: &Plugin<'_>) -> Result<Self, ConfigError> {
    /// #         if greeting.is_empty() { return Err(ConfigError::new("say something")); }
    /// #         Ok(Self(greeting)) } }
    /// #     impl HttpPlugin for Greet { type Http = GreetStream; fn create_http_context(self: &Rc<Self>, _: &HttpStream) -> GreetStream { GreetStream(Rc::clone(self)) } }
    /// #     pub struct GreetStream(Rc<Greet>);
    /// #     impl HttpContext for GreetStream {
    /// #         fn on_response_headers(&mut self, http: ResponseHeaders<'_>) -> Result<HeadersAction> {
    /// #             http.headers().set("x-greeting", &self.0.0)?;
    /// #             Ok(HeadersAction::Continue)
    /// #         }
    /// #     }
    /// #     proxy_filter::register! { "greet" => http Greet }
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use proxy_filter_test::{MockProxy, Plugin};
    ///
    /// let plugin = Plugin::native(&greet::PLUGINS, "greet");
    /// let proxy = MockProxy::new(plugin.clone().config("hello"))?;
    /// proxy.update(plugin.clone().config("good day"))?;
    /// assert!(proxy.update(plugin.config("")).is_err());
    ///
    /// let exchange = proxy.send(http::Request::get("http://shop.example/").body("")?);
    /// assert_eq!(exchange.response().headers()["x-greeting"], "good day");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Refused`]: the new plugin was not accepted, and the old one goes on (LIF-13).
    ///
    /// # Panics
    /// When the proxy has no filter and no access logger of this name.
    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "a plugin is made in the call, as for the builder")]
    pub fn update(&self, plugin: Plugin) -> Result<(), Refused> {
        let name = &plugin.settings.name.clone();
        assert!(
            self.workers.iter().all(|worker| worker.has(name)),
            "no filter and no access logger is named {name:?}: update one by its name"
        );
        try_out(&self.state, &plugin)?;
        let main = match self.settings.main_thread {
            true => Some(Instance::start(&self.main_vms, &plugin)?),
            false => None,
        };
        for worker in &self.workers {
            let old = worker.replace(&plugin)?;
            self.retired.borrow_mut().extend(old);
        }
        if let Some(new) = main {
            let old = self
                .main
                .borrow_mut()
                .iter_mut()
                .find(|instance| instance.root.plugin.name == *name)
                .map(|old| std::mem::replace(old, Rc::new(new)));
            self.retired.borrow_mut().extend(old);
        }
        self.end_retired();
        self.run();
        self.check();
        Ok(())
    }

    /// Ends the roots that no stream and no place needs any more.
    pub(crate) fn end_retired(&self) {
        // In the middle of a callback of one worker nothing is asked of the others' roots.
        if self.state.scheduler.is_nested() {
            return;
        }
        let is_needed = |instance: &Rc<Instance>| {
            self.workers.iter().any(|worker| worker.serves_by(instance))
                || self.main.borrow().iter().any(|main| Rc::ptr_eq(&main.root, &instance.root))
                || self.chains.borrow().values().any(|chain| chain.holds(instance))
        };
        let (needed, ended): (Vec<_>, Vec<_>) = self.retired.take().into_iter().partition(is_needed);
        self.retired.replace(needed);
        for instance in ended {
            instance.vm.end_root(&instance.root);
            if instance.vm.is_dead() {
                self.find_hung(&instance.vm);
            }
        }
    }

    /// Ends all roots, as a proxy that shuts down: `proxy_on_done`, and `proxy_on_delete` whatever it answered (LIF-23). Gives what
    /// plugins have logged meanwhile.
    ///
    /// # Panics
    /// When a filter still holds a stream back that nothing can continue, and the test has not seen that it does
    /// ([`Exchange::outcome`](crate::Exchange::outcome), [`disconnect`](Self::disconnect)): the client would wait for ever (ACT-8).
    /// Dropping the proxy does the same. As [`send`](Self::send), for what a plugin does at its end.
    #[track_caller]
    pub fn shut_down(self) -> Vec<LogLine> {
        self.find_held();
        self.find_unanswered();
        self.check();
        let before = self.state.log.borrow().len();
        for vms in self.all_vms() {
            for (vm, root) in vms.roots() {
                vm.delete_root(&root);
            }
        }
        self.check();
        self.state.log.borrow()[before..].to_vec()
    }
}

/// Starts a plugin in a VM of its own, as Envoy's canary: it is dropped without a word.
pub(crate) fn try_out(state: &Rc<State>, plugin: &Plugin) -> Result<(), Refused> {
    Instance::start(&Vms::new(Rc::clone(state), Thread::Canary), plugin).map(drop)
}
