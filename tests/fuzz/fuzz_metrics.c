/* Whatever a source of metrics answers: an error, no data, or counts that can be. */
#include "config/base/check.h"
#include "config/base/json.h"
#include "daemon/analysis/count.h"
#include "daemon/analysis/observer.h"
#include "daemon/analysis/question.h"
#include "daemon/analysis/samples.h"
#include "daemon/analysis/tally.h"
#include "daemon/analysis/webhook.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static const struct tally_window window = {.from_ms = 1000000, .to_ms = 1060000, .stale_ms = 30000};

static void check(const struct tally *tally)
{
    CHECK(tally_is_count(tally->requests) && tally_is_count(tally->bad));
    CHECK(tally->bad <= tally->requests);
    json_decref(count_pair(tally));
}

static void read_matrix(const json_t *body)
{
    struct samples samples;
    struct tally tally;
    if (samples_read(body, SAMPLES_MATRIX, &samples, NULL) < 0)
        return;
    json_t *targets = tally_targets(&samples);
    CHECK(tally_codes(&samples, &window, targets, "status", "call", &tally) == 0);
    check(&tally);
    CHECK(tally_sum(&samples, &window, NULL, &tally) == 0);
    check(&tally);
    CHECK(tally_buckets(&samples, &window, NULL, 0.25, &tally) == 0);
    check(&tally);
    (void)tally_needs_targets(&samples, &window);
    json_decref(count_replicas(&samples, &samples, "pod"));
    json_decref(targets);
    samples_fini(&samples);
}

static void read_vector(const json_t *body)
{
    struct samples samples;
    struct tally tally;
    if (samples_read(body, SAMPLES_VECTOR, &samples, NULL) < 0)
        return;
    tally_value(&samples, &tally);
    check(&tally);
    tally_value_buckets(&samples, 0.25, &tally);
    check(&tally);
    json_decref(count_edges(&samples, 1000));
    samples_fini(&samples);
}

static void read_others(const char *purpose, const json_t *body)
{
    OWNED_JSON *json = json_pack(
        "{s:s, s:s, s:i, s:i, s:{s:s}, s:{s:s}, s:[{s:s, s:s}, {s:s, s:s, s:f}]}", "purpose",
        purpose, "provider", "webhook", "from_ms", 1000000, "to_ms", 1060000, "canary", "component",
        "cart-b", "stable", "component", "cart-a", "metrics", "name", "error-rate", "kind",
        "error-rate", "name", "latency", "kind", "latency", "edge", 0.25);
    struct question question;
    json_t *answer = NULL;
    CHECK(question_read(json, &question, NULL) == 0);
    if (observer_answer(&question, body, &answer, NULL) == 0)
        json_decref(answer);
    if (webhook_answer(&question, body, &answer, NULL) == 0)
        json_decref(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct question question;
    json_t *body = NULL;
    if (json_read((const char *)bytes, length, "the answer", &body, NULL) < 0)
        return 0;
    read_matrix(body);
    read_vector(body);
    read_others("window", body);
    read_others("history", body);
    if (question_read(body, &question, NULL) == 0)
        CHECK(question.from_ms < question.to_ms && question.metric_count > 0);
    json_decref(body);
    return 0;
}
