;; A filter of ABI 0.2.0, by hand: begun by `_start`, its memory handed out by `proxy_on_memory_allocate`.
;;
;; It logs what each hostcall answers. A request with the header `x-hold` is paused, and goes on at the next tick.
(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_tick_period_milliseconds" (func $period (param i32) (result i32)))
  (import "env" "proxy_set_effective_context" (func $effective (param i32) (result i32)))
  (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))

  (memory (export "memory") 1)
  ;; 0: where returned bytes lie; 4: how many they are.
  (data (i32.const 64) "start\00")
  (data (i32.const 70) "vm_start: buffer 6\00")
  (data (i32.const 89) "request_headers\00")
  (data (i32.const 105) "end of stream\00")
  (data (i32.const 119) "missing header\00")
  (data (i32.const 134) "log: trailer of no map\00")
  (data (i32.const 157) "tick: continue_stream\00")
  (data (i32.const 179) "x-missing\00")
  (data (i32.const 189) "x-abi\00")
  (data (i32.const 195) "0.2.0\00")
  (data (i32.const 201) "x-hold\00")
  (data (i32.const 208) "response_headers\00")
  (global $held (mut i32) (i32.const 0))
  (global $started (mut i32) (i32.const 0))

  (func (export "proxy_abi_version_0_2_0"))

  (func (export "_start") (global.set $started (i32.add (global.get $started) (i32.const 1))))

  ;; What is handed over is read before the next hostcall: one place is enough.
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 4096))

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
    (drop (call $period (i32.const 40)))
    (call $tell (i32.const 64) (global.get $started))
    (call $tell (i32.const 70) (call $buffer (i32.const 6) (i32.const 0) (i32.const 100) (i32.const 0) (i32.const 4)))
    (call $tell_returned)
    (i32.const 1))

  (func (export "proxy_on_request_headers") (param $id i32) (param $headers i32) (param $end i32) (result i32)
    (call $tell (i32.const 89) (local.get $headers))
    (call $tell (i32.const 105) (local.get $end))
    (i32.store (i32.const 4) (i32.const 99))
    (call $tell (i32.const 119) (call $get (i32.const 0) (i32.const 179) (i32.const 9) (i32.const 0) (i32.const 4)))
    (call $tell (i32.const 119) (i32.load (i32.const 4)))
    (drop (call $add (i32.const 0) (i32.const 189) (i32.const 5) (i32.const 195) (i32.const 5)))
    (if (result i32) (i32.eqz (call $get (i32.const 0) (i32.const 201) (i32.const 6) (i32.const 0) (i32.const 4)))
      (then (global.set $held (local.get $id)) (i32.const 1))
      (else (i32.const 0))))

  (func (export "proxy_on_response_headers") (param $id i32) (param $headers i32) (param $end i32) (result i32)
    (call $tell (i32.const 208) (local.get $headers))
    (call $tell (i32.const 105) (local.get $end))
    (drop (call $add (i32.const 2) (i32.const 189) (i32.const 5) (i32.const 195) (i32.const 5)))
    (i32.const 0))

  (func (export "proxy_on_log") (param i32)
    (call $tell (i32.const 134) (call $get (i32.const 1) (i32.const 179) (i32.const 9) (i32.const 0) (i32.const 4))))

  (func (export "proxy_on_tick") (param i32)
    (if (global.get $held)
      (then
        (drop (call $effective (global.get $held)))
        (global.set $held (i32.const 0))
        (call $tell (i32.const 157) (call $continue (i32.const 0))))))
)
