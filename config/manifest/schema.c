#include "config/manifest/schema.h"

#include "config/base/check.h"
#include "config/base/text.h"

#include <string.h>

/* Names longer than this are not compared. */
#define NAME_LIMIT 64u

size_t shape_field_count(const struct shape *shape)
{
    size_t count = shape->field_count;
    for (size_t i = 0; i < SHAPE_PART_LIMIT && shape->parts[i].shape != NULL; i++)
        count += shape->parts[i].shape->field_count;
    CHECK(count <= 64);
    return count;
}

const struct field *shape_field(const struct shape *shape, size_t index, size_t *ret_base)
{
    *ret_base = 0;
    if (index < shape->field_count)
        return &shape->fields[index];
    index -= shape->field_count;
    for (size_t i = 0; i < SHAPE_PART_LIMIT && shape->parts[i].shape != NULL; i++) {
        const struct shape *part = shape->parts[i].shape;
        *ret_base = shape->parts[i].offset;
        if (index < part->field_count)
            return &part->fields[index];
        index -= part->field_count;
    }
    CHECK_UNREACHABLE();
}

/* People mostly keep the order of the tables: the first look is at the next field. */
static int find_in(const struct shape *shape, const char *name, size_t length, size_t expected)
{
    const struct field *fields = shape->fields;
    const size_t count = shape->field_count;
    for (size_t i = 0; i < count; i++) {
        const size_t at = expected + i < count ? expected + i : expected + i - count;
        const char *own = fields[at].name;
        if (own[0] == name[0] && strncmp(own, name, length) == 0 && own[length] == '\0')
            return (int)at;
    }
    return -1;
}

int shape_find(const struct shape *shape, const char *name, size_t length, size_t expected)
{
    const int own = find_in(shape, name, length, expected < shape->field_count ? expected : 0);
    if (own >= 0)
        return own;
    size_t first = shape->field_count;
    for (size_t i = 0; i < SHAPE_PART_LIMIT && shape->parts[i].shape != NULL; i++) {
        const struct shape *part = shape->parts[i].shape;
        const bool inside = expected >= first && expected < first + part->field_count;
        const int index = find_in(part, name, length, inside ? expected - first : 0);
        if (index >= 0)
            return (int)first + index;
        first += part->field_count;
    }
    return -1;
}

bool shape_saw(const struct shape *shape, uint64_t seen, const char *name)
{
    const int index = shape_find(shape, name, strlen(name), 0);
    CHECK(index >= 0);
    return (seen & UINT64_C(1) << index) != 0;
}

const char *shape_fallback(const struct shape *shape, const char *field)
{
    const int index = shape_find(shape, field, strlen(field), 0);
    CHECK(index >= 0);
    size_t base = 0;
    return shape_field(shape, (size_t)index, &base)->fallback;
}

static int lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : (unsigned char)c;
}

static size_t least(size_t a, size_t b, size_t c)
{
    const size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Edits from one to the other, without regard to case. */
static size_t distance(const char *a, const char *b)
{
    const size_t a_length = strlen(a), b_length = strlen(b);
    size_t row[NAME_LIMIT + 1];
    if (a_length > NAME_LIMIT || b_length > NAME_LIMIT)
        return SIZE_MAX;
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            const size_t above = row[j];
            const size_t change = lower(a[i - 1]) == lower(b[j - 1]) ? corner : corner + 1;
            row[j] = least(change, above + 1, row[j - 1] + 1);
            corner = above;
        }
    }
    return row[b_length];
}

struct nearest {
    const char *name;
    size_t distance;
};

/* "prod" for "production": what was left away counts as one edit. */
static bool is_beginning(const char *candidate, const char *name)
{
    const size_t length = strlen(name);
    return length >= 3 && strncmp(candidate, name, length) == 0;
}

static void consider(struct nearest *best, const char *candidate, const char *name)
{
    const size_t edits = is_beginning(candidate, name) ? 1 : distance(candidate, name);
    const size_t most = strlen(candidate) / 3 + 1;
    if (edits <= most && (best->name == NULL || edits < best->distance))
        *best = (struct nearest){candidate, edits};
}

const char *shape_nearest(const struct shape *shape, const char *name)
{
    struct nearest best = {0};
    const size_t count = shape_field_count(shape);
    for (size_t i = 0; i < count; i++) {
        size_t base = 0;
        consider(&best, shape_field(shape, i, &base)->name, name);
    }
    return best.name;
}

const char *schema_nearest(const char *const *names, size_t count, const char *name)
{
    struct nearest best = {0};
    for (size_t i = 0; i < count; i++)
        consider(&best, names[i], name);
    return best.name;
}

const char *schema_nearest_word(const struct word *words, const char *name)
{
    struct nearest best = {0};
    for (; words->name != NULL; words++)
        consider(&best, words->name, name);
    return best.name;
}

void shape_sample(const struct shape *shape, char *ret_text, size_t size)
{
    const size_t count = shape_field_count(shape);
    size_t length = (size_t)text_put(ret_text, size, "{");
    for (size_t i = 0; i < count && length + 100 < size; i++) {
        size_t base = 0;
        const struct field *field = shape_field(shape, i, &base);
        if (field->required)
            length += (size_t)text_put(ret_text + length, size - length, "%s%.60s: ...",
                                       length == 1 ? "" : ", ", field->name);
    }
    (void)text_put(ret_text + length, size - length, length == 1 ? "field: value}" : "}");
}
