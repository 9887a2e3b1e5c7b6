#include "config/base/check.h"
#include "config/base/splitmix.h"
#include "tests/platform/traffic/table.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    int status;
} outcomes[] = {
    [TRAFFIC_TO_POD] = {"answered", 200},        [TRAFFIC_NO_ROUTE] = {"no-route", 404},
    [TRAFFIC_NO_WEIGHT] = {"no-weight", 500},    [TRAFFIC_NO_SERVICE] = {"no-service", 500},
    [TRAFFIC_NOT_READY] = {"no-ready-pod", 503},
};
_Static_assert(sizeof(outcomes) / sizeof(*outcomes) == TRAFFIC_OUTCOME_COUNT, "a row each");

int traffic_outcome_status(enum traffic_outcome outcome)
{
    return outcomes[outcome].status;
}

const char *traffic_outcome_name(enum traffic_outcome outcome)
{
    return outcomes[outcome].name;
}

double traffic_random(uint64_t *state)
{
    return (double)(splitmix_next(state) >> 11) / (double)(UINT64_C(1) << 53);
}

/* How specific: 0 = does not match, 1 = any host, then wildcards by length, then the host itself.
 */
static size_t rank_host(const struct traffic_route *route, struct traffic_slice host)
{
    size_t best = route->host_count == 0 ? 1 : 0;
    for (size_t i = 0; i < route->host_count; i++) {
        const char *wanted = route->hosts[i];
        const size_t length = strlen(wanted);
        size_t rank = 0;
        if (traffic_slice_is_name(host, wanted))
            rank = 1000;
        else if (length > 2 && strncmp(wanted, "*.", 2) == 0 && host.length > length - 1 &&
                 strncasecmp(host.at + host.length - (length - 1), wanted + 1, length - 1) == 0)
            rank = 1 + length;
        best = rank > best ? rank : best;
    }
    return best;
}

static struct traffic_slice path_of(struct traffic_slice target)
{
    const char *query = memchr(target.at, '?', target.length);
    return (struct traffic_slice){target.at,
                                  query == NULL ? target.length : (size_t)(query - target.at)};
}

static bool fits_path(const struct traffic_match *m, struct traffic_slice path)
{
    size_t length = strlen(m->path);
    if (m->exact)
        return traffic_slice_is(path, m->path);
    while (length > 0 && m->path[length - 1] == '/')
        length--; /* "/cart/" means the elements "/cart" */
    return path.length >= length && memcmp(path.at, m->path, length) == 0 &&
           (path.length == length || path.at[length] == '/');
}

static bool fits_header(const struct traffic_header_match *h, struct traffic_slice value)
{
    if (value.at == NULL)
        return false;
    if (!h->regular)
        return traffic_slice_is(value, h->value);
    char text[4096];
    if (value.length >= sizeof(text))
        return false;
    memcpy(text, value.at, value.length);
    text[value.length] = '\0';
    regmatch_t found;
    return regexec(&h->expression, text, 1, &found, 0) == 0 && found.rm_so == 0 &&
           (size_t)found.rm_eo == value.length;
}

static bool fits(const struct traffic_match *m, const struct traffic_message *message,
                 struct traffic_slice path)
{
    if (!fits_path(m, path) || (m->method != NULL && !traffic_slice_is(message->method, m->method)))
        return false;
    for (size_t i = 0; i < m->header_count; i++)
        if (!fits_header(&m->headers[i], traffic_message_header(message, m->headers[i].name)))
            return false;
    return true;
}

/* Orders matches of one request: the greater is the more specific. */
static size_t rank(size_t host, const struct traffic_match *m)
{
    return host << 24 | (size_t)m->exact << 23 | strlen(m->path) << 8 |
           (size_t)(m->method != NULL) << 7 | m->header_count;
}

static struct traffic_slice host_of(const struct traffic_message *message)
{
    struct traffic_slice host = traffic_message_header(message, "host");
    const char *colon = host.at == NULL ? NULL : memrchr(host.at, ':', host.length);
    if (colon != NULL)
        host.length = (size_t)(colon - host.at);
    return host;
}

static const struct traffic_backend *draw(const struct traffic_rule *rule, uint64_t *random)
{
    double at = traffic_random(random) * rule->total;
    for (size_t i = 0; i < rule->backend_count; i++) {
        if (at < rule->backends[i].weight)
            return &rule->backends[i];
        at -= rule->backends[i].weight;
    }
    return NULL;
}

static void choose_pod(const struct traffic_service *service, uint64_t *random,
                       struct traffic_choice *choice)
{
    if (service == NULL || service->ready_count == 0) {
        choice->outcome = service == NULL ? TRAFFIC_NO_SERVICE : TRAFFIC_NOT_READY;
        return;
    }
    choice->outcome = TRAFFIC_TO_POD;
    choice->pod = service->ready[splitmix_next(random) % service->ready_count];
}

static const struct traffic_service *find_inside(const struct traffic_table *t,
                                                 struct traffic_slice host)
{
    for (size_t i = 0; i < t->service_count; i++) {
        char name[600];
        snprintf(name, sizeof(name), "%s.%s.svc.cluster.local", t->services[i].name,
                 t->services[i].ns);
        if (traffic_slice_is_name(host, name))
            return &t->services[i];
    }
    return NULL;
}

static bool is_inside(struct traffic_slice host)
{
    static const char domain[] = ".svc.cluster.local";
    return host.length > sizeof(domain) && strncasecmp(host.at + host.length - (sizeof(domain) - 1),
                                                       domain, sizeof(domain) - 1) == 0;
}

struct traffic_choice traffic_table_choose(const struct traffic_table *t,
                                           const struct traffic_message *message, uint64_t *random)
{
    const struct traffic_slice host = host_of(message), path = path_of(message->target);
    struct traffic_choice choice = {.outcome = TRAFFIC_NO_ROUTE};
    if (is_inside(host)) {
        choose_pod(find_inside(t, host), random, &choice);
        return choice;
    }
    size_t best = 0;
    for (size_t i = 0; i < t->route_count; i++) {
        const size_t host_rank = rank_host(&t->routes[i], host);
        for (size_t k = 0; host_rank > 0 && k < t->routes[i].rule_count; k++) {
            const struct traffic_rule *rule = &t->routes[i].rules[k];
            for (size_t n = 0; n < rule->match_count; n++) {
                const struct traffic_match *m = &rule->matches[n];
                if (rank(host_rank, m) <= best || !fits(m, message, path))
                    continue;
                best = rank(host_rank, m);
                choice.route = &t->routes[i];
                choice.rule = rule;
                choice.match = m;
            }
        }
    }
    if (choice.rule == NULL)
        return choice;
    choice.outcome = TRAFFIC_NO_WEIGHT;
    choice.backend = draw(choice.rule, random);
    if (choice.backend != NULL)
        choose_pod(choice.backend->service, random, &choice);
    return choice;
}

void traffic_choice_target(const struct traffic_choice *choice, struct traffic_slice target,
                           char *ret, size_t size)
{
    if (choice->rule == NULL || choice->rule->prefix_rewrite == NULL || choice->match->exact) {
        snprintf(ret, size, "%.*s", (int)target.length, target.at);
        return;
    }
    const char *to = choice->rule->prefix_rewrite;
    size_t cut = strlen(choice->match->path), kept = strlen(to);
    while (cut > 0 && choice->match->path[cut - 1] == '/')
        cut--;
    while (kept > 0 && to[kept - 1] == '/')
        kept--;
    const char *rest = target.at + cut;
    const size_t length = target.length - cut;
    const bool bare = kept == 0 && (length == 0 || rest[0] == '?');
    snprintf(ret, size, "%.*s%s%.*s", (int)kept, to, bare ? "/" : "", (int)length, rest);
}
