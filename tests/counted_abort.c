/* For the coverage preset: a test that ends in a failed assertion writes its counters all the same.
 */
#include <signal.h>
#include <stddef.h>

extern void
__gcov_dump(void); /* NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

/* Not safe in a handler in general; here the process ends, and abort() was called by our code. */
static void dump(int number)
{
    __gcov_dump();
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

__attribute__((constructor)) static void catch_aborts(void)
{
    (void)signal(SIGABRT, dump);
}
