#include "tests/platform/conformance/matching.h"

#include "config/base/check.h"
#include "config/base/json.h"
#include "tests/platform/state.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct matching {
    json_t *ours_of;     /* recorded identifier -> ours */
    json_t *recorded_of; /* and back: what stands for two things stands for none */
    json_t *tried_ours, *tried_recorded;
    json_t *offsets, *tried_offsets; /* object -> generation offset */
    bool in_tree, loose;
};

struct matching *matching_new(void)
{
    struct matching *m = calloc(1, sizeof(*m));
    CHECK(m != NULL);
    m->ours_of = json_object();
    m->recorded_of = json_object();
    m->offsets = json_object();
    return m;
}

struct matching *matching_free(struct matching *m)
{
    if (m != NULL) {
        json_decref(m->ours_of);
        json_decref(m->recorded_of);
        json_decref(m->offsets);
    }
    free(m);
    return NULL;
}

void matching_set_offset(struct matching *m, const char *object, json_int_t offset)
{
    json_object_set_new(m->offsets, object, json_integer(offset));
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) != 0;
}

/* Length of the RFC 3339 time at `s`; 0 = none. */
static size_t time_length(const char *s)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd";
    size_t i = 0;
    for (; shape[i] != '\0'; i++)
        if (shape[i] == 'd' ? !isdigit((unsigned char)s[i]) : s[i] != shape[i])
            return 0;
    if (s[i] == '.')
        for (i++; isdigit((unsigned char)s[i]);)
            i++;
    return s[i] == 'Z' ? i + 1 : 0;
}

static size_t uid_length(const char *s)
{
    static const int parts[] = {8, 4, 4, 4, 12};
    size_t at = 0;
    for (size_t part = 0; part < 5; part++) {
        for (int i = 0; i < parts[part]; i++, at++)
            if (!isxdigit((unsigned char)s[at]))
                return 0;
        if (part < 4 && s[at++] != '-')
            return 0;
    }
    return at;
}

/* Length of the identifier at `s`: a uid, or a word that looks like a hash. 0 = none. */
static size_t identifier_length(const char *s)
{
    const size_t uid = uid_length(s);
    if (uid > 0)
        return uid;
    size_t length = 0, digits = 0, upper = 0;
    while (is_word(s[length])) {
        digits += isdigit((unsigned char)s[length]) != 0;
        upper += isupper((unsigned char)s[length]) != 0;
        length++;
    }
    /* hashes mix letters and digits, seldom of digits alone; ten are the second of a job */
    const bool mixed = upper == 0 && digits > 0 && digits < length && length >= 5 && length <= 12;
    return mixed || (digits == length && (length == 8 || length == 10)) ? length : 0;
}

static bool stands_for(struct matching *m, const char *recorded, size_t recorded_length,
                       const char *ours, size_t ours_length)
{
    char *a = strndup(recorded, recorded_length), *b = strndup(ours, ours_length);
    CHECK(a != NULL && b != NULL);
    const char *known = json_text_or(json_object_get(m->ours_of, a), NULL);
    const char *back = json_text_or(json_object_get(m->recorded_of, b), NULL);
    if (known == NULL)
        known = json_text_or(json_object_get(m->tried_ours, a), NULL);
    if (back == NULL)
        back = json_text_or(json_object_get(m->tried_recorded, b), NULL);
    const bool fits =
        (known == NULL || strcmp(known, b) == 0) && (back == NULL || strcmp(back, a) == 0);
    if (fits && known == NULL) {
        json_object_set_new(m->tried_ours, a, json_string(b));
        json_object_set_new(m->tried_recorded, b, json_string(a));
    }
    free(a);
    free(b);
    return fits;
}

/* The five letters behind the second of a triggered job. */
static size_t job_suffix_length(const char *start, const char *s)
{
    if (s - start < 11 || s[-1] != '-')
        return 0;
    for (const char *digit = s - 11; digit < s - 1; digit++)
        if (!isdigit((unsigned char)*digit))
            return 0;
    size_t length = 0;
    while (is_word(s[length]))
        length++;
    return length == 5 ? length : 0;
}

static size_t identifier_at(const char *start, const char *s)
{
    const size_t suffix = job_suffix_length(start, s);
    return suffix > 0 ? suffix : identifier_length(s);
}

/* Texts are alike when they are equal but for times and identifiers. */
static bool same_text(struct matching *m, const char *a, const char *b)
{
    const char *start_a = a, *start_b = b;
    bool at_word = true;
    while (*a != '\0' || *b != '\0') {
        const size_t time_a = time_length(a), time_b = time_length(b);
        if (time_a > 0 && time_b > 0) {
            a += time_a;
            b += time_b;
            continue;
        }
        const size_t id_a = at_word ? identifier_at(start_a, a) : 0;
        const size_t id_b = at_word ? identifier_at(start_b, b) : 0;
        const bool equal = id_a == id_b && strncmp(a, b, id_a) == 0;
        if (id_a > 0 && id_b > 0 && !equal) {
            if (!stands_for(m, a, id_a, b, id_b))
                return false;
            a += id_a;
            b += id_b;
            continue;
        }
        if (*a != *b)
            return false;
        at_word = !is_word(*a);
        a++;
        b++;
    }
    return true;
}

static size_t weight(const json_t *value)
{
    size_t total = 1, i;
    const char *key;
    json_t *member;
    if (json_is_object(value))
        json_object_foreach(values_mutable(value), key, member) total += weight(member);
    if (json_is_array(value))
        json_array_foreach(value, i, member) total += weight(member);
    return total;
}

static void add(struct differences *out, const char *pointer, const json_t *a, const json_t *b)
{
    out->weight += weight(a) + weight(b);
    if (out->count == MATCHING_DIFFERENCES)
        return;
    struct difference *d = &out->items[out->count++];
    char *left = a == NULL ? NULL : json_dumps(a, JSON_ENCODE_ANY | JSON_COMPACT);
    char *right = b == NULL ? NULL : json_dumps(b, JSON_ENCODE_ANY | JSON_COMPACT);
    snprintf(d->pointer, sizeof(d->pointer), "%s", pointer);
    snprintf(d->text, sizeof(d->text), "recorded %.230s, ours %.230s",
             left == NULL ? "nothing" : left, right == NULL ? "nothing" : right);
    free(left);
    free(right);
}

struct walk {
    struct matching *matching;
    const char *object; /* whose generations are compared: a path, or kind and name inside a tree */
    struct differences *out;
};

static bool has_opaque_value(const char *key)
{
    return strcmp(key, "resourceVersion") == 0 || strcmp(key, "nextCursor") == 0;
}

static void compare(const struct walk *w, const char *pointer, const char *key, const json_t *a,
                    const json_t *b);

/* Objects inside a tree have generations of their own. */
static void enter(const struct walk *outer, const json_t *a, struct walk *ret, char *scope,
                  size_t size)
{
    const char *kind = json_text_or(json_object_get(a, "kind"), "");
    const char *name = json_text_or(json_object_get(a, "name"), NULL);
    if (name == NULL)
        name = json_text_or(json_at(a, "metadata", "name", NULL), "");
    *ret = *outer;
    if (!outer->matching->in_tree || kind[0] == '\0' || name[0] == '\0')
        return;
    snprintf(scope, size, "%s %s", kind, name);
    ret->object = scope;
}

static void compare_members(const struct walk *outer, const char *pointer, const json_t *a,
                            const json_t *b)
{
    char scope[MATCHING_POINTER];
    struct walk inner;
    enter(outer, a, &inner, scope, sizeof(scope));
    const struct walk *w = &inner;
    const char *key;
    json_t *value;
    char deeper[MATCHING_POINTER];
    json_object_foreach(values_mutable(a), key, value)
    {
        snprintf(deeper, sizeof(deeper), "%.400s/%.100s", pointer, key);
        compare(w, deeper, key, value, json_object_get(b, key));
    }
    json_object_foreach(values_mutable(b), key, value)
    {
        snprintf(deeper, sizeof(deeper), "%.400s/%.100s", pointer, key);
        if (json_object_get(a, key) == NULL)
            add(w->out, deeper, NULL, value);
    }
}

/* Pods are listed by name, and a name holds a hash that is ours alone: put pods of one image side
 * by side, in the order of their number. */
static int compare_pods(const void *a, const void *b)
{
    const json_t *const *left = a, *const *right = b;
    const json_t *pods[] = {*left, *right};
    const char *images[2], *numbers[2];
    for (size_t i = 0; i < 2; i++) {
        const json_t *containers = json_at(pods[i], "object", "spec", "containers", NULL);
        images[i] = json_text_or(json_object_get(json_array_get(containers, 0), "image"), "");
        const char *name = json_text_or(json_object_get(pods[i], "name"), "");
        numbers[i] = strrchr(name, '-') == NULL ? name : strrchr(name, '-');
    }
    const int order = strcmp(images[0], images[1]);
    return order != 0 ? order : strcmp(numbers[0], numbers[1]);
}

static int compare_ages(const void *a, const void *b)
{
    const json_t *const *left = a, *const *right = b;
    const char *x = json_text_or(json_object_get(*left, "resourceVersion"), "");
    const char *y = json_text_or(json_object_get(*right, "resourceVersion"), "");
    const int lengths = (int)strlen(x) - (int)strlen(y);
    return lengths != 0 ? lengths : strcmp(x, y);
}

static json_t *with_sorted_pods(const json_t *list)
{
    const size_t count = json_array_size(list);
    json_t **items = calloc(count + 1, sizeof(json_t *));
    CHECK(items != NULL);
    for (size_t i = 0; i < count; i++)
        items[i] = json_array_get(list, i);
    for (size_t i = 0; i < count;) {
        size_t end = i;
        while (end < count &&
               strcmp(json_text_or(json_object_get(items[end], "kind"), ""), "Pod") == 0)
            end++;
        if (end > i)
            qsort(&items[i], end - i, sizeof(json_t *), compare_pods);
        const size_t jobs = end;
        while (end < count &&
               strcmp(json_text_or(json_object_get(items[end], "kind"), ""), "Job") == 0)
            end++;
        if (end > jobs)
            qsort(&items[jobs], end - jobs, sizeof(json_t *), compare_ages);
        i = end > i ? end : i + 1;
    }
    json_t *sorted = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append(sorted, items[i]);
    free(items);
    return sorted;
}

static void compare_items(const struct walk *w, const char *pointer, const json_t *a,
                          const json_t *b)
{
    char deeper[MATCHING_POINTER];
    const size_t left = json_array_size(a), right = json_array_size(b);
    for (size_t i = 0; i < left || i < right; i++) {
        snprintf(deeper, sizeof(deeper), "%.480s/%zu", pointer, i);
        compare(w, deeper, "", json_array_get(a, i), json_array_get(b, i));
    }
}

static bool same_generation(const struct walk *w, json_int_t a, json_int_t b)
{
    struct matching *m = w->matching;
    const json_t *known = json_object_get(m->offsets, w->object);
    if (known == NULL)
        known = json_object_get(m->tried_offsets, w->object);
    if (known == NULL && m->in_tree && m->loose) {
        json_object_set_new(m->tried_offsets, w->object, json_integer(a - b));
        return true;
    }
    return a == b + json_integer_value(known);
}

static bool same_number(const struct walk *w, const char *key, const json_t *a, const json_t *b)
{
    if (!json_is_integer(a) || !json_is_integer(b))
        return json_number_value(a) - json_number_value(b) == 0.0;
    const json_int_t left = json_integer_value(a), right = json_integer_value(b);
    const bool generation = strcmp(key, "observedGeneration") == 0 ||
                            (w->matching->in_tree && strcmp(key, "generation") == 0);
    return generation ? same_generation(w, left, right) : left == right;
}

static void compare(const struct walk *w, const char *pointer, const char *key, const json_t *a,
                    const json_t *b)
{
    bool same = a != NULL && b != NULL;
    if (same && json_is_object(a) && json_is_object(b)) {
        compare_members(w, pointer, a, b);
        return;
    }
    if (same && json_is_array(a) && json_is_array(b)) {
        json_t *left = with_sorted_pods(a), *right = with_sorted_pods(b);
        compare_items(w, pointer, left, right);
        json_decref(left);
        json_decref(right);
        return;
    }
    if (same && strcmp(key, "nextCursor") == 0 && json_is_string(a) && json_is_string(b))
        json_object_set(w->matching->tried_ours, json_string_value(a), values_mutable(b));
    if (same && json_is_string(a) && json_is_string(b))
        same = has_opaque_value(key) ||
               same_text(w->matching, json_string_value(a), json_string_value(b));
    else if (same && json_is_number(a) && json_is_number(b))
        same = same_number(w, key, a, b);
    else
        same = same && json_equal(a, b);
    if (!same)
        add(w->out, pointer, a, b);
}

void matching_set_tree(struct matching *m, bool in_tree, bool loose)
{
    m->in_tree = in_tree;
    m->loose = loose;
}

void matching_forget_offsets(struct matching *m)
{
    json_object_clear(m->offsets);
}

void matching_compare(struct matching *m, const json_t *recorded, const json_t *ours,
                      const char *object, bool learn, struct differences *ret)
{
    const struct walk w = {m, object, ret};
    m->tried_ours = json_object();
    m->tried_recorded = json_object();
    m->tried_offsets = json_object();
    compare(&w, "", "", recorded, ours);
    if (learn) {
        json_object_update(m->ours_of, m->tried_ours);
        json_object_update(m->recorded_of, m->tried_recorded);
        json_object_update(m->offsets, m->tried_offsets);
    }
    json_decref(m->tried_offsets);
    json_decref(m->tried_ours);
    json_decref(m->tried_recorded);
    m->tried_ours = m->tried_recorded = m->tried_offsets = NULL;
}

char *matching_translate(const struct matching *m, const char *text)
{
    const size_t length = strlen(text);
    char *out = malloc(length * 8 + 1);
    CHECK(out != NULL);
    size_t n = 0;
    bool at_word = true;
    while (*text != '\0') {
        const bool cursor = n >= 7 && strncmp(text - 7, "cursor=", 7) == 0;
        const size_t id = cursor ? strcspn(text, "&") : at_word ? identifier_length(text) : 0;
        char *name = id > 0 ? strndup(text, id) : NULL;
        const char *ours =
            name == NULL ? NULL : json_text_or(json_object_get(m->ours_of, name), NULL);
        if (ours != NULL) {
            memcpy(out + n, ours, strlen(ours));
            n += strlen(ours);
            text += id;
        } else {
            at_word = !is_word(*text);
            out[n++] = *text++;
        }
        free(name);
    }
    out[n] = '\0';
    return out;
}
