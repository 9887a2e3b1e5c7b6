/* Answers of a Prometheus that are none, or partial, or too much. */
#include "daemon/analysis/samples.h"
#include "tests/daemon/analysis/stage.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
    const char *body;
    enum samples_shape shape;
    const char *says; /* part of the message; NULL = it is sound */
};

#define MATRIX(result) "{'status':'success','data':{'resultType':'matrix','result':" result "}}"
#define VECTOR(result) "{'status':'success','data':{'resultType':'vector','result':" result "}}"

Test(samples, bad_answers)
{
    static const struct row rows[] = {
        {MATRIX("[]"), SAMPLES_MATRIX, NULL},
        {MATRIX("[{'metric':{},'values':[[1.5,'1e+06'],[2,'0.5'],[3,'NaN'],[4,'-Inf']]}]"),
         SAMPLES_MATRIX, NULL},
        {VECTOR("[{'metric':{'a':'b'},'value':[1,'2']}]"), SAMPLES_VECTOR, NULL},
        {"{'status':'success','data':{'resultType':'scalar','result':[1,'2']}}", SAMPLES_VECTOR,
         NULL},
        {"{'status':'success','infos':['odd name'],'data':{'resultType':'vector','result':[]}}",
         SAMPLES_VECTOR, NULL},
        {"{}", SAMPLES_VECTOR, "has no status"},
        {"{'status':'error','errorType':'bad_data','error':'parse error'}", SAMPLES_VECTOR,
         "says bad_data: parse error"},
        {"{'status':'error'}", SAMPLES_VECTOR, "says error: nothing more"},
        {"{'status':'success','warnings':['store x is gone'],'data':{'resultType':'vector',"
         "'result':[]}}",
         SAMPLES_VECTOR, "is partial, it warns: store x is gone"},
        {"{'status':'success'}", SAMPLES_VECTOR, "with a nothing instead of a vector"},
        {MATRIX("[]"), SAMPLES_VECTOR, "with a matrix instead of a vector"},
        {VECTOR("[]"), SAMPLES_MATRIX, "with a vector instead of a matrix"},
        {"{'status':'success','data':{'resultType':'string','result':[1,'a']}}", SAMPLES_VECTOR,
         "with a string"},
        {MATRIX("{}"), SAMPLES_MATRIX, "with a matrix instead"},
        {MATRIX("[1]"), SAMPLES_MATRIX, "no labels"},
        {MATRIX("[{'metric':{'a':1},'values':[[1,'1']]}]"), SAMPLES_MATRIX, "no labels"},
        {MATRIX("[{'metric':{},'values':[]}]"), SAMPLES_MATRIX, "has no samples"},
        {MATRIX("[{'metric':{}}]"), SAMPLES_MATRIX, "has no samples"},
        {MATRIX("[{'metric':{},'values':[[1,2]]}]"), SAMPLES_MATRIX, "no pair"},
        {MATRIX("[{'metric':{},'values':[[1,'']]}]"), SAMPLES_MATRIX, "no pair"},
        {MATRIX("[{'metric':{},'values':[[1,'0x10']]}]"), SAMPLES_MATRIX, "no pair"},
        {MATRIX("[{'metric':{},'values':[[1,'1e']]}]"), SAMPLES_MATRIX, "no pair"},
        {MATRIX("[{'metric':{},'values':[['1','1']]}]"), SAMPLES_MATRIX, "no pair"},
        {MATRIX("[{'metric':{},'values':[[1e300,'1']]}]"), SAMPLES_MATRIX, "no pair"},
        {MATRIX("[{'metric':{},'values':[[1,'1',2]]}]"), SAMPLES_MATRIX, "no pair"},
        {MATRIX("[{'metric':{},'values':[[2,'1'],[1,'2']]}]"), SAMPLES_MATRIX, "order of time"},
        {MATRIX("[{'metric':{},'values':[[1,'1'],[1,'1']]}]"), SAMPLES_MATRIX, "order of time"},
        {VECTOR("[{'metric':{},'values':[[1,'1']]}]"), SAMPLES_VECTOR, "no pair"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct samples samples = {.arena = NULL};
        struct error err = {0};
        json_t *body = stage_json(rows[i].body);
        const int result = samples_read(body, rows[i].shape, &samples, &err);
        json_decref(body);
        cr_expect_eq(result < 0, rows[i].says != NULL, "%s: %s", rows[i].body, err.detail);
        if (rows[i].says != NULL)
            cr_expect_not_null(strstr(err.detail, rows[i].says), "%s: %s", rows[i].body,
                               err.detail);
        samples_fini(&samples);
    }
}

Test(samples, numbers_and_labels)
{
    struct samples samples;
    stage_samples(SAMPLES_MATRIX,
                  "{'metric':{'le':'+Inf'},'values':[[1.4999,'1e+06'],[2,'+Inf'],[3,'NaN']]}",
                  &samples);
    cr_assert_eq(samples.count, 1u);
    cr_expect_str_eq(series_label(&samples.series[0], "le"), "+Inf");
    cr_expect_str_eq(series_label(&samples.series[0], "job"), "");
    cr_expect_eq(samples.series[0].samples[0].at_ms, 1500);
    cr_expect_eq(samples.series[0].samples[0].value, 1e6);
    cr_expect(isinf(samples.series[0].samples[1].value));
    cr_expect(isnan(samples.series[0].samples[2].value));
    samples_fini(&samples);
}

Test(samples, bounds)
{
    struct samples samples;
    struct error err = {0};
    json_t *body = stage_json(MATRIX("[]"));
    json_t *list = json_object_get(json_object_get(body, "data"), "result");
    for (size_t i = 0; i <= SAMPLES_SERIES_LIMIT; i++)
        json_array_append_new(list, json_null());
    cr_expect_eq(samples_read(body, SAMPLES_MATRIX, &samples, &err), ERR_LIMIT);
    cr_expect_not_null(strstr(err.detail, "10001 series"), "%s", err.detail);
    json_array_clear(list);
    json_t *values = json_array();
    for (size_t i = 0; i <= SAMPLES_LIMIT; i++)
        json_array_append_new(values, json_null());
    json_array_append_new(list, json_pack("{s:{}, s:o}", "metric", "values", values));
    cr_expect_eq(samples_read(body, SAMPLES_MATRIX, &samples, &err), ERR_LIMIT);
    cr_expect_not_null(strstr(err.detail, "400000 samples"), "%s", err.detail);
    json_decref(body);
}
