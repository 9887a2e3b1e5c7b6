#include "config/manifest/decode_list.h"

#include "config/base/arena.h"
#include "config/base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool check_count(struct decoder *decoder, const struct field *field,
                        const struct yaml_node *value)
{
    if (field->min == 0 && field->max == 0)
        return true;
    if ((int64_t)value->length >= field->min && (int64_t)value->length <= field->max)
        return true;
    DECODE_ERROR(decoder, "E_COUNT", decode_place(decoder, value),
                 "\"%s\" has %u entries; %lld to %lld are allowed", field->name, value->length,
                 (long long)field->min, (long long)field->max);
    return false;
}

void decode_texts(struct decoder *decoder, const struct field *field, const struct yaml_node *value,
                  struct manifest_texts *ret_texts)
{
    if (value->kind != YAML_KIND_SEQUENCE) {
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_TYPE", decode_place(decoder, value),
                      "write [a, b], or one entry per line with - before it",
                      "\"%s\" must be a list of texts", field->name);
        return;
    }
    if (!check_count(decoder, field, value))
        return;
    struct manifest_text *items = decode_array(decoder, value->length, sizeof(*items));
    if (items == NULL)
        return;
    size_t count = 0;
    for (const struct yaml_node *entry = value->first; entry != NULL; entry = entry->next) {
        if (decode_text(decoder, field, entry, &items[count]))
            count++;
    }
    const struct yaml_node *at = value->first != NULL ? value->first : value;
    *ret_texts = (struct manifest_texts){items, count, true, decode_place(decoder, at)};
    if (field->unique)
        decode_check_unique(decoder, field->name, items, count, sizeof(*items));
}

static void store(const struct field *field, void *object, const void *entries, size_t count)
{
    memcpy((char *)object + field->offset, &entries, sizeof(entries));
    memcpy((char *)object + field->extra, &count, sizeof(count));
}

void decode_list(struct decoder *decoder, const struct field *field, const struct yaml_node *value,
                 void *object)
{
    if (value->kind != YAML_KIND_SEQUENCE) {
        char sample[300], hint[400];
        shape_sample(field->shape, sample, sizeof(sample));
        (void)text_put(hint, sizeof(hint), "begin each entry with -, as in: - %s", sample);
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_TYPE", decode_place(decoder, value), hint,
                      "\"%s\" must be a list", field->name);
        return;
    }
    const size_t size = field->shape->size;
    char *entries =
        check_count(decoder, field, value) ? decode_array(decoder, value->length, size) : NULL;
    if (entries == NULL)
        return;
    size_t count = 0;
    for (const struct yaml_node *entry = value->first; entry != NULL; entry = entry->next)
        decode_mapping(decoder, field->shape, entry, entries + size * count++);
    if (field->unique)
        decode_check_unique(decoder, field->shape->name, entries, count, size);
    store(field, object, entries, count);
}

void decode_table(struct decoder *decoder, const struct field *field, const struct yaml_node *value,
                  void *object)
{
    if (value->kind != YAML_KIND_MAPPING) {
        DECODE_ERROR(decoder, "E_TYPE", decode_place(decoder, value),
                     "\"%s\" must be a mapping from names", field->name);
        return;
    }
    const size_t size = field->shape->size;
    char *entries =
        check_count(decoder, field, value) ? decode_array(decoder, value->length, size) : NULL;
    if (entries == NULL)
        return;
    size_t count = 0;
    for (const struct yaml_node *key = value->first; key != NULL; key = key->next->next) {
        const char *problem = form_problem(field->form, key->text, key->length);
        if (problem != NULL) {
            decode_report(decoder, DIAGNOSTIC_ERROR, "E_NAME", decode_place(decoder, key),
                          form_doc(field->form), "the name \"%s\" %s", key->text, problem);
            continue;
        }
        char *entry = entries + size * count++;
        struct manifest_text name = {arena_copy(decoder->arena, key->text, key->length),
                                     decode_place(decoder, key)};
        if (name.text == NULL)
            decoder->status = -ENOMEM;
        if (!yaml_is_empty(yaml_value(key)))
            decode_mapping(decoder, field->shape, yaml_value(key), entry);
        memcpy(entry, &name, sizeof(name));
    }
    store(field, object, entries, count);
}

static int compare(const void *left, const void *right)
{
    const struct manifest_text *a = *(const struct manifest_text *const *)left;
    const struct manifest_text *b = *(const struct manifest_text *const *)right;
    const int order = strcmp(a->text, b->text);
    if (order != 0)
        return order;
    if (a->at.line != b->at.line)
        return a->at.line < b->at.line ? -1 : 1;
    return a->at.column < b->at.column ? -1 : a->at.column > b->at.column;
}

static const struct manifest_text *name_at(const void *entries, size_t size, size_t i)
{
    return (const void *)((const char *)entries + size * i);
}

/* Up to here comparing each with each is cheaper than sorting. */
#define FEW 8u

static bool are_few_and_unique(const void *entries, size_t count, size_t size)
{
    for (size_t i = 0; count <= FEW && i < count; i++) {
        const char *name = name_at(entries, size, i)->text;
        for (size_t j = 0; name != NULL && j < i; j++) {
            const char *other = name_at(entries, size, j)->text;
            if (other != NULL && strcmp(name, other) == 0)
                return false;
        }
    }
    return count <= FEW;
}

void decode_check_unique(struct decoder *decoder, const char *what, const void *entries,
                         size_t count, size_t size)
{
    if (are_few_and_unique(entries, count, size))
        return;
    const struct manifest_text **names = calloc(count, sizeof(struct manifest_text *));
    if (names == NULL) {
        decoder->status = -ENOMEM;
        return;
    }
    size_t named = 0;
    for (size_t i = 0; i < count; i++) {
        const struct manifest_text *name = name_at(entries, size, i);
        if (name->text != NULL)
            names[named++] = name;
    }
    if (named > 1)
        qsort(names, named, sizeof(struct manifest_text *), compare);
    for (size_t i = 1; i < named; i++) {
        if (strcmp(names[i - 1]->text, names[i]->text) == 0)
            decode_conflict(decoder, "E_DUPLICATE_NAME", names[i]->at, names[i - 1]->at,
                            "it stands here first", "%s: \"%s\" stands twice; keep one of them",
                            what, names[i]->text);
    }
    free(names);
}
