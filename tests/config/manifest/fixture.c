#include "tests/config/manifest/fixture.h"

#include "config/base/digest.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char fixture_platform[] =
    "apiVersion: celld.dev/v1\nkind: Platform\nmetadata: {name: shop}\nspec:\n  namespace: shop\n"
    "  projectPrefix: shop-\n  regions: [us, eu]\n"
    "  environments: [{name: development}, {name: production, production: true, regions: [us, "
    "eu]}]\n"
    "  phases: [{name: all, cells: [cart]}]\n";

static enum manifest_file_kind kind_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    if (strcmp(name, "platform.yaml") == 0)
        return MANIFEST_FILE_PLATFORM;
    if (strcmp(name, "cell.yaml") == 0)
        return MANIFEST_FILE_CELL;
    return strcmp(name, "component.yaml") == 0 ? MANIFEST_FILE_COMPONENT : MANIFEST_FILE_NATIVE;
}

void fixture_add_bytes(struct fixture *fixture, const char *path, const char *bytes, size_t length)
{
    cr_assert_lt(fixture->count, (size_t)FIXTURE_FILES);
    memcpy(fixture->blob_ids[fixture->count], digest_bytes(bytes, length).text, DIGEST_TEXT_SIZE);
    fixture->files[fixture->count] = (struct manifest_file){kind_of(path), path, bytes, length,
                                                            fixture->blob_ids[fixture->count]};
    fixture->count++;
}

void fixture_add(struct fixture *fixture, const char *path, const char *text)
{
    fixture_add_bytes(fixture, path, text, strlen(text));
}

void fixture_load(struct fixture *fixture, const struct manifest_set *previous,
                  const struct manifest_set *fallback)
{
    struct error err;
    const int status = manifest_load(fixture->files, fixture->count, NULL, previous, fallback,
                                     &fixture->set, &err);
    cr_assert_eq(status, 0, "%s", status < 0 ? err.detail : "");
}

void fixture_free(struct fixture *fixture)
{
    fixture->set = manifest_set_unref(fixture->set);
}

const struct diagnostic *fixture_find(const struct fixture *fixture, const char *code)
{
    const struct diagnostics *found = fixture->set->diagnostics;
    for (size_t i = 0; i < diagnostics_count(found); i++) {
        if (strcmp(diagnostics_get(found, i)->code, code) == 0)
            return diagnostics_get(found, i);
    }
    return NULL;
}

const char *fixture_found(const struct manifest_set *set)
{
    static char found[65536];
    OWNED_TEXT text;
    text_init(&text, sizeof(found) - 1);
    const int status = diagnostics_write(set->diagnostics, DIAGNOSTIC_TEXT, &text);
    (void)snprintf(found, sizeof(found), "%s%s", text_get(&text), status < 0 ? "..." : "");
    return found;
}

char *fixture_read(const char *path, size_t *ret_length)
{
    char whole[4096];
    (void)snprintf(whole, sizeof(whole), "%s/%s", TEST_SOURCE_DIR, path);
    FILE *file = fopen(whole, "rb");
    cr_assert_not_null(file, "%s", whole);
    cr_assert_eq(fseek(file, 0, SEEK_END), 0);
    const long length = ftell(file);
    rewind(file);
    char *bytes = malloc((size_t)length + 1);
    cr_assert_not_null(bytes);
    cr_assert_eq(fread(bytes, 1, (size_t)length, file), (size_t)length);
    (void)fclose(file);
    bytes[length] = '\0';
    *ret_length = (size_t)length;
    return bytes;
}
