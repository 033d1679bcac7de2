;; A filter of ABI 0.1.0, by hand: header callbacks with two arguments, the hostcalls that later versions have not, and the answers
;; that later versions give otherwise.
;;
;; It logs what each hostcall answers. A request with the header `x-hold` is paused, and goes on at the next tick.
(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_tick_period_milliseconds" (func $period (param i32) (result i32)))
  (import "env" "proxy_set_effective_context" (func $effective (param i32) (result i32)))
  (import "env" "proxy_get_configuration" (func $configuration (param i32 i32) (result i32)))
  (import "env" "proxy_continue_request" (func $continue_request (result i32)))
  (import "env" "proxy_continue_response" (func $continue_response (result i32)))
  (import "env" "proxy_clear_route_cache" (func $clear_route_cache (result i32)))

  (memory (export "memory") 1)
  ;; 0: where returned bytes lie; 4: how many they are.
  (data (i32.const 64) "vm_start: get_configuration\00")
  (data (i32.const 92) "configure: get_configuration\00")
  (data (i32.const 121) "configure: buffer 7\00")
  (data (i32.const 141) "request_headers\00")
  (data (i32.const 157) "missing header\00")
  (data (i32.const 172) "clear_route_cache\00")
  (data (i32.const 190) "response_headers\00")
  (data (i32.const 207) "request header in response\00")
  (data (i32.const 234) "done\00")
  (data (i32.const 239) "log: trailer of no map\00")
  (data (i32.const 262) "log: present header\00")
  (data (i32.const 282) "delete\00")
  (data (i32.const 289) "tick: continue_request\00")
  (data (i32.const 312) "x-missing\00")
  (data (i32.const 322) "x-abi\00")
  (data (i32.const 328) "0.1.0\00")
  (data (i32.const 334) "x-hold\00")
  (global $held (mut i32) (i32.const 0))

  (func (export "proxy_abi_version_0_1_0"))

  ;; What is handed over is read before the next hostcall: one place is enough.
  (func (export "malloc") (param i32) (result i32) (i32.const 4096))

  ;; Logs `TEXT NUMBER`; texts end with a NUL.
  (func $tell (param $text i32) (param $number i32)
    (local $to i32) (local $digits i32) (local $rest i32)
    (local.set $to (i32.const 1024))
    (block $copied
      (loop $copy
        (br_if $copied (i32.eqz (i32.load8_u (local.get $text))))
        (i32.store8 (local.get $to) (i32.load8_u (local.get $text)))
        (local.set $text (i32.add (local.get $text) (i32.const 1)))
        (local.set $to (i32.add (local.get $to) (i32.const 1)))
        (br $copy)))
    (i32.store8 (local.get $to) (i32.const 32))
    (local.set $rest (local.get $number))
    (loop $count
      (local.set $to (i32.add (local.get $to) (i32.const 1)))
      (local.set $rest (i32.div_u (local.get $rest) (i32.const 10)))
      (br_if $count (local.get $rest)))
    (local.set $digits (local.get $to))
    (loop $write
      (i32.store8 (local.get $digits) (i32.add (i32.const 48) (i32.rem_u (local.get $number) (i32.const 10))))
      (local.set $number (i32.div_u (local.get $number) (i32.const 10)))
      (local.set $digits (i32.sub (local.get $digits) (i32.const 1)))
      (br_if $write (local.get $number)))
    (drop (call $log (i32.const 2) (i32.const 1024) (i32.sub (i32.add (local.get $to) (i32.const 1)) (i32.const 1024)))))

  ;; Logs the bytes that the last hostcall has returned.
  (func $tell_returned
    (drop (call $log (i32.const 2) (i32.load (i32.const 0)) (i32.load (i32.const 4)))))

  (func (export "proxy_on_vm_start") (param i32 i32) (result i32)
    (call $tell (i32.const 64) (call $configuration (i32.const 0) (i32.const 4)))
    (call $tell_returned)
    (i32.const 1))

  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (drop (call $period (i32.const 40)))
    (call $tell (i32.const 92) (call $configuration (i32.const 0) (i32.const 4)))
    (call $tell_returned)
    (call $tell (i32.const 121) (call $buffer (i32.const 7) (i32.const 0) (i32.const 100) (i32.const 0) (i32.const 4)))
    (call $tell_returned)
    (i32.const 1))

  (func (export "proxy_on_request_headers") (param $id i32) (param $headers i32) (result i32)
    (call $tell (i32.const 141) (local.get $headers))
    (i32.store (i32.const 4) (i32.const 99))
    (call $tell (i32.const 157) (call $get (i32.const 0) (i32.const 312) (i32.const 9) (i32.const 0) (i32.const 4)))
    (call $tell (i32.const 157) (i32.load (i32.const 4)))
    (call $tell (i32.const 172) (call $clear_route_cache))
    (drop (call $add (i32.const 0) (i32.const 322) (i32.const 5) (i32.const 328) (i32.const 5)))
    (drop (call $get (i32.const 0) (i32.const 334) (i32.const 6) (i32.const 0) (i32.const 4)))
    (if (result i32) (i32.load (i32.const 4))
      (then (global.set $held (local.get $id)) (i32.const 1))
      (else (i32.const 0))))

  (func (export "proxy_on_response_headers") (param $id i32) (param $headers i32) (result i32)
    (call $tell (i32.const 190) (local.get $headers))
    (call $tell (i32.const 207) (call $get (i32.const 0) (i32.const 322) (i32.const 5) (i32.const 0) (i32.const 4)))
    (drop (call $add (i32.const 2) (i32.const 322) (i32.const 5) (i32.const 328) (i32.const 5)))
    (i32.const 0))

  (func (export "proxy_on_log") (param i32)
    ;; Nothing waits for it (CON-9).
    (drop (call $continue_response))
    (i32.store (i32.const 4) (i32.const 99))
    (call $tell (i32.const 239) (call $get (i32.const 1) (i32.const 312) (i32.const 9) (i32.const 0) (i32.const 4)))
    (call $tell (i32.const 239) (i32.load (i32.const 4)))
    (call $tell (i32.const 262) (call $get (i32.const 0) (i32.const 322) (i32.const 5) (i32.const 0) (i32.const 4)))
    (call $tell (i32.const 262) (i32.load (i32.const 4))))

  (func (export "proxy_on_done") (param i32) (result i32)
    (call $tell (i32.const 234) (i32.const 0))
    (i32.const 1))

  (func (export "proxy_on_tick") (param i32)
    (if (global.get $held)
      (then
        (drop (call $effective (global.get $held)))
        (global.set $held (i32.const 0))
        (call $tell (i32.const 289) (call $continue_request)))))
)
