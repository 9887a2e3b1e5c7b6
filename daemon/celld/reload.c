#include "daemon/celld/reload.h"

#include "config/base/error.h"
#include "config/base/owned.h"
#include "daemon/celld/settings_file.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define DIAGNOSTICS_TOLD 5 /* in the answer to a reload; --check-config says all */

static bool same_text(const struct manifest_text *a, const struct manifest_text *b)
{
    return a->text == NULL || b->text == NULL ? a->text == b->text : strcmp(a->text, b->text) == 0;
}

static const char *needs_restart(const struct settings *old, const struct settings *new)
{
    if (!same_text(&old->state_directory, &new->state_directory))
        return "the state directory";
    if (!same_text(&old->status_socket.path, &new->status_socket.path) ||
        !same_text(&old->admin_socket.path, &new->admin_socket.path))
        return "a socket's path";
    if (!same_text(&old->status_socket.group, &new->status_socket.group) ||
        !same_text(&old->admin_socket.group, &new->admin_socket.group) ||
        old->status_socket.mode.value != new->status_socket.mode.value ||
        old->admin_socket.mode.value != new->admin_socket.mode.value)
        return "a socket's group or mode";
    if (!same_text(&old->metrics_listen, &new->metrics_listen))
        return "metricsListen";
    return NULL;
}

static void tell(const struct error *err, const struct diagnostics *found, struct text *ret_why)
{
    text_format(ret_why, "%s; the old settings stay", err->detail);
    for (size_t i = 0; i < diagnostics_count(found) && i < DIAGNOSTICS_TOLD; i++) {
        const struct diagnostic *one = diagnostics_get(found, i);
        text_format(ret_why, "; %s:%u:%u: %s", one->at.path, one->at.line, one->at.column,
                    one->message);
    }
}

int reload_read(const char *path, const struct settings *old, struct settings **ret_settings,
                struct text *ret_why)
{
    OWNED(diagnostics_freep) struct diagnostics *found = diagnostics_new(SETTINGS_FILE_DIAGNOSTICS);
    OWNED(settings_freep) struct settings *settings = NULL;
    struct error err = {0};
    if (found == NULL)
        return -ENOMEM;
    if (settings_file_read(path, found, &settings, &err) < 0) {
        tell(&err, found, ret_why);
        return ERR_INVALID;
    }
    const char *changed = needs_restart(old, settings);
    if (changed != NULL) {
        text_format(ret_why, "%s changed: restart celld for that; the old settings stay", changed);
        return ERR_INVALID;
    }
    *ret_settings = TAKE(settings);
    return 0;
}
