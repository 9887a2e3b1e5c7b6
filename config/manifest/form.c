#include "config/manifest/form.h"

#include "config/base/check.h"
#include "config/base/time.h"
#include "config/manifest/reference.h"

#include <stdint.h>
#include <string.h>

#define LABEL_LIMIT 63u
#define PATH_LIMIT 1024u

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return is_lower(c) || (c >= 'A' && c <= 'Z');
}

static const char *check_label(const char *text, size_t length)
{
    if (length == 0)
        return "is empty";
    if (length > LABEL_LIMIT)
        return "is longer than 63 characters";
    for (size_t i = 0; i < length; i++) {
        if (!is_lower(text[i]) && !is_digit(text[i]) && text[i] != '-')
            return "may have only a-z, 0-9 and -";
    }
    if (text[0] == '-' || text[length - 1] == '-')
        return "begins or ends with -";
    return NULL;
}

static const char *check_prefix(const char *text, size_t length)
{
    if (length == 0)
        return NULL;
    if (length > 40)
        return "is longer than 40 characters";
    for (size_t i = 0; i < length; i++) {
        if (!is_lower(text[i]) && !is_digit(text[i]) && text[i] != '-')
            return "may have only a-z, 0-9 and -";
    }
    return text[0] == '-' ? "begins with -" : NULL;
}

static const char *check_variable(const char *text, size_t length)
{
    if (length == 0)
        return "is empty";
    if (length > 253)
        return "is longer than 253 characters";
    for (size_t i = 0; i < length; i++) {
        const bool fits = is_letter(text[i]) || text[i] == '_' ||
                          (i > 0 && (is_digit(text[i]) || text[i] == '-' || text[i] == '.'));
        if (!fits)
            return "may have only letters, digits, _, - and ., and begins with a letter or _";
    }
    return NULL;
}

static const char *check_file_name(const char *text, size_t length)
{
    if (length == 0)
        return "is empty";
    if (length > 253)
        return "is longer than 253 characters";
    if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
        return "is no file's name";
    for (size_t i = 0; i < length; i++) {
        const bool fits = is_letter(text[i]) || is_digit(text[i]) || strchr("._-", text[i]) != NULL;
        if (!fits)
            return "may have only letters, digits, ., _ and -";
    }
    return NULL;
}

static const char *check_absolute(const char *text, size_t length)
{
    if (length == 0 || text[0] != '/')
        return "must begin with a slash";
    if (length > PATH_LIMIT)
        return "is longer than 1024 characters";
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == '\\' || text[i] == ':')
            return "has a character that no path here may have";
    }
    if (strstr(text, "/../") != NULL || (length >= 3 && strcmp(text + length - 3, "/..") == 0))
        return "leads upwards with ..";
    return NULL;
}

static const char *check_url_path(const char *text, size_t length)
{
    if (length == 0 || text[0] != '/')
        return "must begin with a slash";
    if (length > PATH_LIMIT)
        return "is longer than 1024 characters";
    for (size_t i = 0; i < length; i++) {
        if (text[i] <= ' ' || strchr("?#\\\"<>{}|^`", text[i]) != NULL)
            return "has a character that may not stand in the path of a URL";
    }
    return strstr(text, "//") != NULL || strstr(text, "/../") != NULL ? "has an empty element or .."
                                                                      : NULL;
}

static bool has_digits(const char **text)
{
    const char *start = *text;
    while (is_digit(**text))
        (*text)++;
    return *text > start;
}

static const char *check_decimal(const char *text, size_t length)
{
    static const char problem[] = "is no decimal number, like 0.01";
    if (length > 20)
        return "has more than 20 characters";
    if (!has_digits(&text))
        return problem;
    if (*text == '.') {
        text++;
        if (!has_digits(&text))
            return problem;
    }
    return *text == '\0' ? NULL : problem;
}

static const char *check_zone(const char *text, size_t length)
{
    if (length == 0 || length > 64 || !is_letter(text[0]))
        return "is no time zone's name, like Europe/Zurich";
    for (size_t i = 0; i < length; i++) {
        if (!is_letter(text[i]) && !is_digit(text[i]) && strchr("/_+-", text[i]) == NULL)
            return "is no time zone's name, like Europe/Zurich";
    }
    return NULL;
}

static const char *check_cron(const char *text, size_t length)
{
    size_t fields = 0;
    bool inside = false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] != ' ' && !is_digit(text[i]) && !is_letter(text[i]) &&
            strchr("*,-/", text[i]) == NULL)
            return "is no schedule of five fields, like \"0 3 * * *\"";
        if (text[i] != ' ' && !inside)
            fields++;
        inside = text[i] != ' ';
    }
    return fields == 5 && length < 100 ? NULL : "is no schedule of five fields, like \"0 3 * * *\"";
}

static const char *check_target(const char *text)
{
    const char *at = strchr(text, '@');
    if (at == NULL)
        return "is no target: write environment@region";
    const size_t before = (size_t)(at - text);
    const char *problem = check_label(text, before);
    return problem != NULL ? problem : check_label(at + 1, strlen(at + 1));
}

static const char *check_type_name(const char *text, size_t length)
{
    const char *slash = strchr(text, '/');
    if (slash == NULL)
        return check_label(text, length);
    const char *problem = check_label(text, (size_t)(slash - text));
    return problem != NULL ? problem : check_label(slash + 1, strlen(slash + 1));
}

static const char *check_quantity(enum text_form form, const char *text)
{
    int64_t value = 0;
    if (!form_quantity(text, &value))
        return form == FORM_CPU ? "is no amount of processors, like 500m or 2"
                                : "is no amount of memory, like 128Mi or 1Gi";
    const size_t length = strlen(text);
    if (form == FORM_CPU && !is_digit(text[length - 1]) && text[length - 1] != 'm')
        return "is no amount of processors, like 500m or 2";
    if (form == FORM_MEMORY && text[length - 1] == 'm')
        return "is no amount of memory, like 128Mi or 1Gi";
    return value == 0 ? "is zero" : NULL;
}

const char *form_problem(enum text_form form, const char *text, size_t length)
{
    struct wall_time time;
    switch (form) {
    case FORM_ANY:
        return NULL;
    case FORM_SOME:
        return length == 0 ? "is empty" : NULL;
    case FORM_LABEL:
        return check_label(text, length);
    case FORM_PREFIX:
        return check_prefix(text, length);
    case FORM_VARIABLE:
        return check_variable(text, length);
    case FORM_FILE_NAME:
    case FORM_SECRET:
        return check_file_name(text, length);
    case FORM_PATH:
    case FORM_PATTERN:
        return reference_path_problem(text, length);
    case FORM_ABSOLUTE:
        return check_absolute(text, length);
    case FORM_URL_PATH:
        return check_url_path(text, length);
    case FORM_IMAGE:
        return reference_image_problem(text, length);
    case FORM_CPU:
    case FORM_MEMORY:
        return check_quantity(form, text);
    case FORM_URL:
        return reference_url_problem(text, length, false);
    case FORM_SAFE_URL:
        return reference_url_problem(text, length, true);
    case FORM_CRON:
        return check_cron(text, length);
    case FORM_ZONE:
        return check_zone(text, length);
    case FORM_DECIMAL:
        return check_decimal(text, length);
    case FORM_CLOCK:
        return form_clock(text) < 0 ? "is no time of day, like 09:00" : NULL;
    case FORM_TIME:
        return wall_time_parse(text, &time) < 0 ? "is no point in time, like 2026-12-20T00:00:00Z"
                                                : NULL;
    case FORM_TARGET:
        return check_target(text);
    case FORM_TYPE_NAME:
        return check_type_name(text, length);
    }
    CHECK_UNREACHABLE();
}

int form_clock(const char *text)
{
    if (strlen(text) != 5 || text[2] != ':' || !is_digit(text[0]) || !is_digit(text[1]) ||
        !is_digit(text[3]) || !is_digit(text[4]))
        return -1;
    const int hour = (text[0] - '0') * 10 + text[1] - '0';
    const int minute = (text[3] - '0') * 10 + text[4] - '0';
    const bool fits = (hour < 24 && minute < 60) || (hour == 24 && minute == 0);
    return fits ? hour * 60 + minute : -1;
}

/* --- quantities --------------------------------------------------------------------------------
 */

static const struct {
    const char *suffix;
    int64_t factor; /* thousandths */
} suffixes[] = {
    {"", 1000},
    {"m", 1},
    {"k", INT64_C(1000) * 1000},
    {"M", INT64_C(1000) * 1000 * 1000},
    {"G", INT64_C(1000) * 1000 * 1000 * 1000},
    {"T", INT64_C(1000) * 1000 * 1000 * 1000 * 1000},
    {"Ki", INT64_C(1000) << 10},
    {"Mi", INT64_C(1000) << 20},
    {"Gi", INT64_C(1000) << 30},
    {"Ti", INT64_C(1000) << 40},
};

static bool factor_of(const char *suffix, int64_t *ret_factor)
{
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        if (strcmp(suffix, suffixes[i].suffix) == 0) {
            *ret_factor = suffixes[i].factor;
            return true;
        }
    }
    return false;
}

bool form_quantity(const char *text, int64_t *ret_thousandths)
{
    int64_t whole = 0, fraction = 0, scale = 1;
    if (!is_digit(*text))
        return false;
    for (; is_digit(*text); text++) {
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, *text - '0', &whole))
            return false;
    }
    if (*text == '.') {
        text++;
        if (!is_digit(*text))
            return false;
        for (; is_digit(*text); text++) {
            if (scale >= 1000)
                return false;
            fraction = fraction * 10 + (*text - '0');
            scale *= 10;
        }
    }
    int64_t factor = 0, value = 0;
    if (!factor_of(text, &factor) || __builtin_mul_overflow(whole, factor, &value))
        return false;
    /* Below a thousandth nothing counts: "0.5m" is no quantity here. */
    if (factor % scale != 0 && fraction != 0)
        return false;
    return !__builtin_add_overflow(value, factor / scale * fraction, ret_thousandths);
}

/* --- words about forms -------------------------------------------------------------------------
 */

static const struct {
    const char *doc, *pattern;
} forms[FORM_COUNT] = {
    [FORM_ANY] = {"text", NULL},
    [FORM_SOME] = {"text, not empty", "^.+"},
    [FORM_LABEL] = {"name: a-z, 0-9 and -, at most 63", "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"},
    [FORM_PREFIX] = {"beginning of a name, may be empty", "^([a-z0-9][-a-z0-9]{0,39})?$"},
    [FORM_VARIABLE] = {"variable name", "^[A-Za-z_][A-Za-z0-9_.-]*$"},
    [FORM_FILE_NAME] = {"file name", "^[A-Za-z0-9._-]+$"},
    [FORM_PATH] = {"path below the repository's root", "^[^/]"},
    [FORM_PATTERN] = {"path below the repository's root, with * and **", "^[^/]"},
    [FORM_ABSOLUTE] = {"absolute path", "^/"},
    [FORM_URL_PATH] = {"path that begins with /", "^/[^?#]*$"},
    [FORM_IMAGE] = {"image reference with tag or digest", "^[^ @:]+(:[0-9]+/[^ @:]+)?[:@][^ ]+$"},
    [FORM_CPU] = {"processors: 250m, 1, 1.5", "^[0-9]+(\\.[0-9]{1,3})?$|^[0-9]+m$"},
    [FORM_MEMORY] = {"bytes: 128Mi, 1Gi", "^[0-9]+(\\.[0-9]{1,3})?(k|M|G|T|Ki|Mi|Gi|Ti)?$"},
    [FORM_URL] = {"URL", "^[a-z][a-z0-9+.-]*://[^ ]+$"},
    [FORM_SAFE_URL] = {"URL; http:// to this machine only", "^[a-z][a-z0-9+.-]*://[^ ]+$"},
    [FORM_SECRET] = {"name of a secret", "^[A-Za-z0-9._-]+$"},
    [FORM_CRON] = {"schedule of five fields", "^[^ ]+( +[^ ]+){4}$"},
    [FORM_ZONE] = {"time zone, like Europe/Zurich", "^[A-Za-z][A-Za-z0-9/_+-]*$"},
    [FORM_DECIMAL] = {"decimal number", "^[0-9]+(\\.[0-9]+)?$"},
    [FORM_CLOCK] = {"time of day, like 09:00", "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$"},
    [FORM_TIME] = {"point in time (RFC 3339)", "^[0-9]{4}-[0-9]{2}-[0-9]{2}T"},
    [FORM_TARGET] = {"environment@region", "^[a-z0-9-]+@[a-z0-9-]+$"},
    [FORM_TYPE_NAME] = {"component type: workload type/name", "^[a-z0-9-]+(/[a-z0-9-]+)?$"},
};

const char *form_doc(enum text_form form)
{
    return forms[form].doc;
}

const char *form_pattern(enum text_form form)
{
    return forms[form].pattern;
}
