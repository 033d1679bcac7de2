// A filter in AssemblyScript on the raw ABI 0.2.1: `rebuild` says how it is compiled.
//
// It counts the requests of its VM and tells the count in a header of the response, and answers /count by itself.

@external("env", "proxy_log")
declare function proxy_log(level: u32, message: usize, size: usize): u32;
@external("env", "proxy_get_header_map_value")
declare function proxy_get_header_map_value(map: u32, key: usize, keySize: usize, value: usize, size: usize): u32;
@external("env", "proxy_add_header_map_value")
declare function proxy_add_header_map_value(map: u32, key: usize, keySize: usize, value: usize, valueSize: usize): u32;
@external("env", "proxy_send_local_response")
declare function proxy_send_local_response(
  status: u32, details: usize, detailsSize: usize, body: usize, bodySize: usize, headers: usize, headersSize: usize, grpcStatus: i32,
): u32;

const REQUEST_HEADERS: u32 = 0;
const RESPONSE_HEADERS: u32 = 2;
const INFO: u32 = 2;
const CRITICAL: u32 = 5;

let requests: u32 = 0;
// Where the host writes a pointer and a size.
const returned: usize = memory.data(8);

function bytes(text: string): ArrayBuffer {
  return String.UTF8.encode(text);
}

function log(level: u32, text: string): void {
  const message = bytes(text);
  proxy_log(level, changetype<usize>(message), message.byteLength);
}

function header(map: u32, name: string): string {
  const key = bytes(name);
  const status = proxy_get_header_map_value(map, changetype<usize>(key), key.byteLength, returned, returned + 4);
  return status == 0 ? String.UTF8.decodeUnsafe(load<usize>(returned), load<usize>(returned + 4)) : "";
}

// What the standard library calls when something is beyond repair; no proxy offers it.
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  log(CRITICAL, (message ? message : "aborted") + " at line " + line.toString());
  unreachable();
}

export function proxy_abi_version_0_2_1(): void {}

export function proxy_on_memory_allocate(size: usize): usize {
  return heap.alloc(size);
}

export function proxy_on_vm_start(root: u32, size: u32): u32 {
  log(INFO, "started with " + size.toString() + " bytes");
  return 1;
}

export function proxy_on_request_headers(id: u32, headers: u32, end: u32): u32 {
  requests += 1;
  const path = header(REQUEST_HEADERS, ":path");
  log(INFO, path + " is number " + requests.toString());
  if (path == "/count") {
    const body = bytes(requests.toString());
    const details = bytes("counted");
    proxy_send_local_response(
      200, changetype<usize>(details), details.byteLength, changetype<usize>(body), body.byteLength, 0, 0, -1,
    );
    return 1;
  }
  if (path == "/trap") throw new Error("as asked");
  return 0;
}

export function proxy_on_response_headers(id: u32, headers: u32, end: u32): u32 {
  const key = bytes("x-count");
  const value = bytes(requests.toString());
  proxy_add_header_map_value(RESPONSE_HEADERS, changetype<usize>(key), key.byteLength, changetype<usize>(value), value.byteLength);
  return 0;
}
