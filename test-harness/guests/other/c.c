// A filter in C on the raw ABI 0.2.1 and WASI: `rebuild` says how it is compiled.
//
// It adds the configured header to requests, tells its environment variable MODE in another, and writes response bodies in capitals.
// What it says goes to standard output and error, and so to the proxy's log.
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IMPORT(name) __attribute__((import_module("env"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name)))

enum { REQUEST_HEADERS = 0, RESPONSE_HEADERS = 2 };
enum { RESPONSE_BODY = 1, PLUGIN_CONFIGURATION = 7 };

IMPORT(proxy_get_buffer_bytes)
uint32_t proxy_get_buffer_bytes(uint32_t type, uint32_t start, uint32_t size, char **bytes, uint32_t *length);
IMPORT(proxy_set_buffer_bytes)
uint32_t proxy_set_buffer_bytes(uint32_t type, uint32_t start, uint32_t size, const char *bytes, uint32_t length);
IMPORT(proxy_add_header_map_value)
uint32_t proxy_add_header_map_value(uint32_t map, const char *key, uint32_t key_size, const char *value, uint32_t value_size);

static char *configuration;
static uint32_t configuration_size;

static void say(int file, const char *text) {
    write(file, text, strlen(text));
}

static void add(uint32_t map, const char *key, const char *value, uint32_t size) {
    if (proxy_add_header_map_value(map, key, strlen(key), value, size) != 0) {
        say(STDERR_FILENO, "a header was refused\n");
    }
}

EXPORT(proxy_abi_version_0_2_1)
void proxy_abi_version(void) {}

EXPORT(proxy_on_configure)
uint32_t on_configure(uint32_t root, uint32_t size) {
    (void)root;
    if (size == 0) {
        say(STDERR_FILENO, "configure a header's value\n");
        return 0;
    }
    return proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, size, &configuration, &configuration_size) == 0;
}

EXPORT(proxy_on_request_headers)
uint32_t on_request_headers(uint32_t id, uint32_t headers, uint32_t end) {
    (void)id, (void)headers, (void)end;
    const char *mode = getenv("MODE");
    add(REQUEST_HEADERS, "x-from-c", configuration, configuration_size);
    add(REQUEST_HEADERS, "x-mode", mode ? mode : "none", mode ? strlen(mode) : 4);
    say(STDOUT_FILENO, "a request\n");
    return 0;
}

EXPORT(proxy_on_response_headers)
uint32_t on_response_headers(uint32_t id, uint32_t headers, uint32_t end) {
    (void)id, (void)headers, (void)end;
    add(RESPONSE_HEADERS, "x-from-c", configuration, configuration_size);
    return 0;
}

EXPORT(proxy_on_response_body)
uint32_t on_response_body(uint32_t id, uint32_t size, uint32_t end) {
    (void)id, (void)end;
    char *body = NULL;
    uint32_t length = 0;
    if (proxy_get_buffer_bytes(RESPONSE_BODY, 0, size, &body, &length) != 0) {
        say(STDERR_FILENO, "no body\n");
        return 0;
    }
    for (uint32_t at = 0; at < length; at++) {
        body[at] = toupper((unsigned char)body[at]);
    }
    proxy_set_buffer_bytes(RESPONSE_BODY, 0, length, body, length);
    free(body);
    return 0;
}
