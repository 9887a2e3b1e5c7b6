#include "config/base/json.h"
#include "daemon/cellctl/client.h"

#include <stdio.h>

int command_run_version(const struct invocation *invocation)
{
    struct error error;
    OWNED_JSON *daemon = NULL;
    const int result = client_get(invocation, "/v1/version", &daemon, &error);
    const char *version = json_text_or(json_object_get(daemon, "version"), NULL);
    if (invocation->format != OUTPUT_TABLE) {
        OWNED_JSON *value = json_pack("{s:s, s:s?}", "cellctl", CELLD_VERSION, "celld", version);
        if (value == NULL || output_value(stdout, invocation->format, value) != 0)
            return EXIT_WRONG;
    } else {
        (void)printf("cellctl %s\ncelld ", CELLD_VERSION);
        output_text(stdout, version == NULL ? "(not reached)" : version);
        (void)fputc('\n', stdout);
    }
    /* The tool's own version is printed also where no daemon is. */
    return result == 0 ? EXIT_FINE : invocation_fail(&error);
}
