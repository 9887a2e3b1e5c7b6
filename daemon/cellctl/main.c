/* cellctl: the operators' tool. Knows nothing but what celld says over its sockets. */
#include "daemon/cellctl/parse.h"

#include <curl/curl.h>

#include <signal.h>
#include <stdio.h>

int main(int count, char **words)
{
    struct invocation invocation;
    (void)signal(SIGPIPE, SIG_IGN); /* a closed pipe is seen as a failed write */
    const int parsed = parse_line(count, words, &invocation);
    if (parsed != 0)
        return parsed < 0 ? EXIT_USAGE : EXIT_FINE;
    if (curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK)
        return EXIT_WRONG;
    int code = invocation.command->run(&invocation);
    if (fflush(stdout) != 0 && code == EXIT_FINE)
        code = EXIT_WRONG;
    curl_global_cleanup();
    return code;
}
