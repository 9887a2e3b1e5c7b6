/* celld.yaml: settings, or errors, never both and never neither. */
#include "config/base/check.h"
#include "config/settings/settings.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct diagnostics *found = diagnostics_new(100);
    struct settings *settings = NULL;
    CHECK(found != NULL);
    const int status = settings_read("celld.yaml", (const char *)bytes, length, found, &settings);
    CHECK((status == 0) == (settings != NULL));
    CHECK((status == 0) == (diagnostics_error_count(found) == 0));
    if (settings != NULL) {
        CHECK(settings->repository.url.text != NULL && settings->platform.url.text != NULL);
        CHECK(settings->engine.parallel.set && settings->journal.keep.set);
        CHECK(settings->status_socket.path.text != NULL && settings->admin_socket.mode.set);
    }
    settings_free(settings);
    diagnostics_free(found);
    return 0;
}
