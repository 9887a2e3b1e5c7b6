/* The arithmetic of windows: what counts, what is no data, what cannot be. The window is (100 s,
 * 160 s], and samples that are older than 30 s at its end are stale. */
#include "config/base/json.h"
#include "daemon/analysis/count.h"
#include "daemon/analysis/tally.h"
#include "tests/daemon/analysis/stage.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct tally_window window = {.from_ms = 100000, .to_ms = 160000, .stale_ms = 30000};

#define SERIES(labels, values) "{'metric':{" labels "},'values':[" values "]}"
#define OK SERIES("'status':'200'", "[100,'10'],[130,'20'],[160,'30']")

/* "20 of 30", "absent" or "unsound". */
static const char *told(const struct tally *tally)
{
    static char text[64];
    if (tally->state != TALLY_COUNTED)
        return tally->state == TALLY_ABSENT ? "absent" : "unsound";
    (void)snprintf(text, sizeof(text), "%g of %g", tally->bad, tally->requests);
    return text;
}

struct row {
    const char *what, *series, *result;
};

static void check_codes(const struct row *rows, size_t count, const json_t *targets)
{
    for (size_t i = 0; i < count; i++) {
        struct samples samples;
        struct tally tally = {.state = TALLY_UNSOUND};
        stage_samples(SAMPLES_MATRIX, rows[i].series, &samples);
        cr_expect_eq(tally_codes(&samples, &window, targets, "status", "call", &tally), 0);
        cr_expect_str_eq(told(&tally), rows[i].result, "%s: %s", rows[i].what, told(&tally));
        samples_fini(&samples);
    }
}

Test(tally, counters_by_status)
{
    static const struct row rows[] = {
        {"nothing", "", "absent"},
        {"one series", OK, "0 of 20"},
        {"errors beside it",
         OK "," SERIES("'status':'503'", "[90,'1'],[120,'2'],[150,'5']") "," SERIES(
             "'status':'404'", "[90,'1'],[150,'3']"),
         "4 of 26"},
        {"calls that fail behind a good status",
         SERIES("'status':'200','call':'0'", "[90,'1'],[150,'11']") "," SERIES(
             "'status':'200','call':'14'",
             "[90,'0'],[150,'3']") "," SERIES("'status':'200','call':'2'", "[90,'0'],[150,'2']"),
         "5 of 15"},
        {"calls that the callers got wrong",
         SERIES("'status':'200','call':'5'", "[90,'1'],[150,'11']") "," SERIES(
             "'status':'200','call':'16'", "[90,'0'],[150,'3']"),
         "0 of 13"},
        {"a call that fails with both counts once",
         SERIES("'status':'503','call':'14'", "[90,'1'],[150,'11']"), "10 of 10"},
        {"the last sample at or before the beginning is the base, however old",
         SERIES("'status':'200'", "[10,'1'],[20,'4'],[150,'10']"), "0 of 6"},
        {"a sample at the very beginning is the base, one at the very end counts",
         SERIES("'status':'200'", "[100,'5'],[160,'7']"), "0 of 2"},
        {"what comes later does not count",
         SERIES("'status':'200'", "[100,'5'],[150,'7'],[161,'90']"), "0 of 2"},
        {"a reset counts from 0",
         SERIES("'status':'200'", "[100,'50'],[120,'60'],[130,'3'],[150,'5']"), "0 of 15"},
        {"a reset between base and first sample",
         SERIES("'status':'200'", "[95,'50'],[120,'4'],[150,'5']"), "0 of 5"},
        {"two resets", SERIES("'status':'200'", "[100,'9'],[110,'1'],[120,'0'],[150,'2']"),
         "0 of 3"},
        {"no traffic is an answer", SERIES("'status':'200'", "[100,'5'],[150,'5']"), "0 of 0"},
        {"a new series of a target that is not known counts from its first sample",
         OK "," SERIES("'status':'500'", "[120,'40'],[150,'41']"), "1 of 21"},
        {"one sample only, in the window", SERIES("'status':'200'", "[150,'5']"), "0 of 0"},
        {"all before the window", SERIES("'status':'200'", "[50,'5'],[99,'6']"), "absent"},
        {"stale: the newest sample is too old", SERIES("'status':'200'", "[100,'5'],[129,'6']"),
         "absent"},
        {"just fresh", SERIES("'status':'200'", "[100,'5'],[130,'6']"), "0 of 1"},
        {"a replica that left counts as far as it came",
         OK "," SERIES("'status':'200','pod':'x'", "[100,'1'],[110,'9']"), "0 of 28"},
        {"NaN", OK "," SERIES("'status':'500'", "[100,'1'],[130,'NaN'],[150,'2']"), "unsound"},
        {"infinite", SERIES("'status':'200'", "[100,'1'],[150,'+Inf']"), "unsound"},
        {"negative", SERIES("'status':'200'", "[100,'-1'],[150,'1']"), "unsound"},
        {"larger than whole numbers go", SERIES("'status':'200'", "[100,'1'],[150,'1e300']"),
         "unsound"},
        {"a series without status", OK "," SERIES("'code':'200'", "[100,'1'],[150,'2']"),
         "unsound"},
        {"fractions", SERIES("'status':'500'", "[100,'0.5'],[150,'2.25']"), "1.75 of 1.75"},
    };
    check_codes(rows, sizeof(rows) / sizeof(rows[0]), NULL);
}

#define AT(instance, rest) "'instance':'" instance "','job':'hubble'" rest

Test(tally, series_of_a_known_target_begin_at_0)
{
    static const struct row rows[] = {
        {"it was scraped before and had no such series",
         SERIES(AT("10.0.0.1:9965", ",'status':'500'"), "[120,'3'],[150,'4']"), "4 of 4"},
        {"and may be reset after that",
         SERIES(AT("10.0.0.1:9965", ",'status':'500'"), "[120,'3'],[150,'1']"), "4 of 4"},
        {"another instance", SERIES(AT("10.0.0.2:9965", ",'status':'500'"), "[120,'3'],[150,'4']"),
         "1 of 1"},
        {"it was down", SERIES(AT("10.0.0.3:9965", ",'status':'500'"), "[120,'3'],[150,'4']"),
         "1 of 1"},
        {"no instance", SERIES("'status':'500'", "[120,'3'],[150,'4']"), "1 of 1"},
    };
    struct samples up;
    stage_samples(
        SAMPLES_VECTOR,
        "{'metric':{" AT("10.0.0.1:9965",
                         "") "},'value':[160,'1']},"
                             "{'metric':{" AT("10.0.0.3:9965",
                                              "") "},'value':[160,'0']},"
                                                  "{'metric':{'job':'hubble'},'value':[160,'1']}",
        &up);
    json_t *targets = tally_targets(&up);
    check_codes(rows, sizeof(rows) / sizeof(rows[0]), targets);
    struct samples samples;
    stage_samples(SAMPLES_MATRIX, rows[0].series, &samples);
    cr_expect(tally_needs_targets(&samples, &window));
    samples_fini(&samples);
    stage_samples(SAMPLES_MATRIX, OK, &samples);
    cr_expect_not(tally_needs_targets(&samples, &window));
    samples_fini(&samples);
    json_decref(targets);
    samples_fini(&up);
}

Test(tally, doubles_count_once)
{
    static const struct row rows[] = {
        {"a pair of servers",
         SERIES(
             AT("i", ",'status':'500','prometheus_replica':'a'"),
             "[100,'1'],[150,'5']") "," SERIES(AT("i", ",'status':'500','prometheus_replica':'b'"),
                                               "[98,'1'],[151,'6']"),
         "5 of 5"},
        {"two jobs",
         SERIES("'instance':'i','job':'a','status':'200'", "[100,'1'],[150,'5']") "," SERIES(
             "'instance':'i','job':'b','status':'200'", "[100,'1'],[150,'5']"),
         "0 of 4"},
        {"the very same labels twice",
         SERIES(AT("i", ",'status':'200'"), "[100,'1'],[150,'5']") "," SERIES(
             AT("i", ",'status':'200'"), "[100,'1'],[150,'7']"),
         "0 of 6"},
        {"one of a pair is broken, and older",
         SERIES(AT("i", ",'status':'200','replica':'a'"), "[100,'1'],[140,'NaN']") "," SERIES(
             AT("i", ",'status':'200','replica':'b'"), "[100,'1'],[150,'7']"),
         "0 of 6"},
        {"other instances are others",
         SERIES(AT("i", ",'status':'200'"), "[100,'1'],[150,'5']") "," SERIES(
             AT("j", ",'status':'200'"), "[100,'1'],[150,'7']"),
         "0 of 10"},
        {"without an instance every label counts",
         SERIES("'status':'200','replica':'a'", "[100,'1'],[150,'5']") "," SERIES(
             "'status':'200','replica':'b'", "[100,'1'],[150,'7']"),
         "0 of 10"},
    };
    check_codes(rows, sizeof(rows) / sizeof(rows[0]), NULL);
}

/* Windows that follow each other count each step once, wherever they are cut. */
Test(tally, windows_tile)
{
    struct samples samples;
    stage_samples(SAMPLES_MATRIX,
                  SERIES("'status':'200'", "[5,'0'],[17,'7'],[29,'9'],[41,'2'],[53,'30'],[65,'31'],"
                                           "[77,'31'],[89,'4'],[101,'90'],[113,'91']"),
                  &samples);
    for (int64_t step = 7000; step < 120000; step += 1111) {
        double sum = 0;
        for (int64_t from = 5000; from < 113000; from += step) {
            const struct tally_window part = {
                .from_ms = from, .to_ms = from + step, .stale_ms = INT64_C(1000000)};
            struct tally tally;
            cr_assert_eq(tally_sum(&samples, &part, NULL, &tally), 0);
            sum += tally.requests;
        }
        cr_expect_eq(sum, 9 + 2 + 29 + 4 + 87, "%g", sum);
    }
    samples_fini(&samples);
}

#define BUCKET(le, more, values) SERIES("'le':'" le "'" more, values)

Test(tally, buckets)
{
    static const struct row rows[] = {
        {"nothing", "", "absent"},
        {"above the edge is bad",
         BUCKET("0.25", "", "[100,'1'],[150,'8']") "," BUCKET("+Inf", "", "[100,'2'],[150,'12']"),
         "3 of 10"},
        {"other buckets do not matter",
         BUCKET("0.25", "", "[100,'1'],[150,'8']") "," BUCKET(
             "0.5", "", "[100,'2'],[150,'9']") "," BUCKET("+Inf", "", "[100,'2'],[150,'12']"),
         "3 of 10"},
        {"written in another way",
         BUCKET("2.5e-01", "", "[100,'1'],[150,'8']") "," BUCKET("+Inf", "",
                                                                 "[100,'2'],[150,'12']"),
         "3 of 10"},
        {"two histograms",
         BUCKET("0.25", ",'pod':'a'", "[100,'1'],[150,'8']") "," BUCKET(
             "+Inf", ",'pod':'a'",
             "[100,'2'],[150,'12']") "," BUCKET("0.25", ",'pod':'b'",
                                                "[100,'0'],[150,'1']") "," BUCKET("+Inf",
                                                                                  ",'pod':'b'",
                                                                                  "[100,'0'],[150,'"
                                                                                  "1']"),
         "3 of 11"},
        {"no such edge",
         BUCKET("0.5", "", "[100,'1'],[150,'8']") "," BUCKET("+Inf", "", "[100,'2'],[150,'12']"),
         "unsound"},
        {"one histogram lacks the edge",
         BUCKET("0.25", ",'pod':'a'", "[100,'1'],[150,'8']") "," BUCKET(
             "+Inf", ",'pod':'a'", "[100,'2'],[150,'12']") "," BUCKET("+Inf", ",'pod':'b'",
                                                                      "[100,'0'],[150,'1']"),
         "unsound"},
        {"no end", BUCKET("0.25", "", "[100,'1'],[150,'8']"), "unsound"},
        {"more below the edge than at all",
         BUCKET("0.25", "", "[100,'1'],[150,'18']") "," BUCKET("+Inf", "", "[100,'2'],[150,'12']"),
         "unsound"},
        {"no number", BUCKET("fast", "", "[100,'1'],[150,'8']"), "unsound"},
        {"no label", SERIES("'status':'200'", "[100,'1'],[150,'8']"), "unsound"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct samples samples;
        struct tally tally;
        stage_samples(SAMPLES_MATRIX, rows[i].series, &samples);
        cr_expect_eq(tally_buckets(&samples, &window, NULL, 0.25, &tally), 0);
        cr_expect_str_eq(told(&tally), rows[i].result, "%s: %s", rows[i].what, told(&tally));
        samples_fini(&samples);
    }
}

#define VALUE(labels, value) "{'metric':{" labels "},'value':[160,'" value "']}"

Test(tally, values)
{
    static const struct row rows[] = {
        {"nothing", "", "absent"},
        {"a sum", VALUE("'a':'1'", "2") "," VALUE("'a':'2'", "3.5"), "0 of 5.5"},
        {"NaN", VALUE("", "NaN"), "unsound"},
        {"negative", VALUE("'a':'1'", "2") "," VALUE("'a':'2'", "-1"), "unsound"},
        {"infinite", VALUE("", "+Inf"), "unsound"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct samples samples;
        struct tally tally;
        stage_samples(SAMPLES_VECTOR, rows[i].series, &samples);
        tally_value(&samples, &tally);
        cr_expect_str_eq(told(&tally), rows[i].result, "%s: %s", rows[i].what, told(&tally));
        samples_fini(&samples);
    }
    struct samples samples;
    struct tally tally;
    stage_samples(SAMPLES_VECTOR, VALUE("'le':'1.0'", "7") "," VALUE("'le':'+Inf'", "9.5"),
                  &samples);
    tally_value_buckets(&samples, 1, &tally);
    cr_expect_str_eq(told(&tally), "2.5 of 9.5");
    samples_fini(&samples);
}

/* --- history -------------------------------------------------------------------------------- */

Test(count, edges)
{
    static const struct row rows[] = {
        {"rising, in milliseconds, whatever their order",
         VALUE("'le':'+Inf'", "9") "," VALUE("'le':'500'", "3") "," VALUE("'le':'250.0'", "1.5"),
         "[{'count':1.5,'le':0.25},{'count':3.0,'le':0.5},{'count':9.0,'le':null}]"},
        {"bent by extrapolation", VALUE("'le':'1000'", "3.5") "," VALUE("'le':'+Inf'", "3"),
         "[{'count':3.5,'le':1.0},{'count':3.5,'le':null}]"},
        {"nothing", "", "null"},
        {"no end", VALUE("'le':'25'", "3") "," VALUE("'le':'50'", "3"), "null"},
        {"the end alone", VALUE("'le':'+Inf'", "3"), "null"},
        {"an edge twice",
         VALUE("'le':'1'", "3") "," VALUE("'le':'1.0'", "3") "," VALUE("'le':'+Inf'", "3"), "null"},
        {"NaN", VALUE("'le':'1'", "NaN") "," VALUE("'le':'+Inf'", "NaN"), "null"},
        {"no label", VALUE("'a':'1'", "1") "," VALUE("'le':'+Inf'", "3"), "null"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct samples samples;
        stage_samples(SAMPLES_VECTOR, rows[i].series, &samples);
        const char *text = stage_text(count_edges(&samples, 1000));
        cr_expect_str_eq(text, rows[i].result, "%s: %s", rows[i].what, text);
        samples_fini(&samples);
    }
}

static const char *replicas_of(const char *requests, const char *bad)
{
    struct samples all, failed;
    stage_samples(SAMPLES_MATRIX, requests, &all);
    stage_samples(SAMPLES_MATRIX, bad, &failed);
    const char *text = stage_text(count_replicas(&all, &failed, "pod"));
    samples_fini(&all);
    samples_fini(&failed);
    return text;
}

Test(count, replicas)
{
    cr_expect_str_eq(replicas_of("", ""), "null");
    cr_expect_str_eq(replicas_of(SERIES("", "[60,'1']"), ""), "null", "no such label");
    cr_expect_str_eq(
        replicas_of(SERIES("'pod':'a'", "[60,'10'],[120,'11']") "," SERIES("'pod':'b'",
                                                                           "[120,'5'],[180,'NaN']"),
                    SERIES("'pod':'a'", "[120,'2']") "," SERIES(
                        "'pod':'b'", "[120,'7']") "," SERIES("'pod':'c'", "[120,'7']")),
        "[[[10.0,0.0],[0.0,0.0]],[[11.0,2.0],[5.0,5.0]],[[0.0,0.0],[0.0,0.0]]]");
    char many[(COUNT_REPLICAS_LIMIT + 1) * 64] = "";
    for (int i = 0; i <= COUNT_REPLICAS_LIMIT; i++)
        (void)snprintf(many + strlen(many), sizeof(many) - strlen(many),
                       "%s{'metric':{'pod':'p%d'},'values':[[60,'1']]}", i == 0 ? "" : ",", i);
    cr_expect_str_eq(replicas_of(many, ""), "null");
    char long_one[(COUNT_ROWS_LIMIT + 2) * 32] = "{'metric':{'pod':'a'},'values':[[0,'1']";
    for (int i = 1; i <= COUNT_ROWS_LIMIT; i++)
        (void)snprintf(long_one + strlen(long_one), sizeof(long_one) - strlen(long_one),
                       ",[%d,'1']", i);
    strcat(long_one, "]}");
    cr_expect_str_eq(replicas_of(long_one, ""), "null");
}
