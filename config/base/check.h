/* Assertions that stay on in release builds. For programming errors only, never for input,
 * I/O or memory: a failed check prints where it stands and aborts; the service manager
 * restarts the daemon and the journal brings its state back. */
#pragma once

#define CHECK(expression)                                                                          \
    ((expression) ? (void)0 : check_failed(#expression, __FILE__, __LINE__, __func__))

/* Marks a place that no value can reach, for instance after a switch over a whole enum. */
#define CHECK_UNREACHABLE() check_failed("unreachable", __FILE__, __LINE__, __func__)

_Noreturn void check_failed(const char *expression, const char *file, int line,
                            const char *function);
