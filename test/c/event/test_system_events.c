#include "support.h"

#include "event/system_events.h"

#include <ctype.h>

static const char *const names[] = {
#define EVENT_NAME(id, module, name) [id] = name,
    TN_SYSTEM_EVENTS(EVENT_NAME)
#undef EVENT_NAME
};

static const char *const modules[] = {
#define EVENT_MODULE(id, module, name) [id] = module,
    TN_SYSTEM_EVENTS(EVENT_MODULE)
#undef EVENT_MODULE
};

Test(system_events, are_55)
{
    cr_assert_eq(TN_SYSTEM_EVENT_COUNT, 55);
    cr_assert_eq(sizeof(names) / sizeof(*names), 55);
}

Test(system_events, have_55_different_names)
{
    for (int a = 0; a < TN_SYSTEM_EVENT_COUNT; a++) {
        for (int b = 0; b < a; b++) cr_assert_str_neq(names[a], names[b]);
    }
}

Test(system_events, have_a_tail_that_is_a_constant_of_its_own_in_its_module)
{
    for (int a = 0; a < TN_SYSTEM_EVENT_COUNT; a++) {
        const char *tail = strrchr(names[a], '.');
        cr_assert_not_null(tail, "%s", names[a]);
        cr_assert(isalpha((unsigned char)tail[1]), "%s", names[a]);
        for (int b = 0; b < a; b++) {
            bool same_module = strcmp(modules[a], modules[b]) == 0 && strcmp(modules[a], "Constants::TestEvents") != 0;
            if (same_module) cr_assert_str_neq(tail, strrchr(names[b], '.'));
        }
    }
}

Test(system_events, of_one_module_share_a_namespace)
{
    static const char *const namespaces[][2] = {
        {"Constants::TaskEvents", "task."},
        {"Constants::StepEvents", "step."},
        {"Constants::WorkflowEvents", "workflow."},
        {"Constants::ObservabilityEvents::Task", "observability.task."},
        {"Constants::ObservabilityEvents::Step", "observability.step."},
        {"Telemetry::Events::ExportEvents", "tasker.telemetry."},
    };
    size_t checked = 0;
    for (int event = 0; event < TN_SYSTEM_EVENT_COUNT; event++) {
        for (size_t i = 0; i < sizeof(namespaces) / sizeof(*namespaces); i++) {
            if (strcmp(modules[event], namespaces[i][0]) != 0) continue;
            cr_assert(tn_text_starts_with(tn_text_of(names[event]), tn_text_of(namespaces[i][1])));
            checked++;
        }
    }
    cr_assert_eq(checked, 51, "all but the four test events");
}

Test(system_events, are_described)
{
    static const struct {
        const char *name, *description, *payload;
    } rows[] = {
#define ROW(X, id, module, name, description, payload, fired_by) [id] = {name, description, payload},
        TN_SYSTEM_EVENT_TABLE(ROW, )
#undef ROW
    };
    for (int event = 0; event < TN_SYSTEM_EVENT_COUNT; event++) {
        cr_assert_str_eq(rows[event].name, names[event]);
        cr_assert_eq(rows[event].description[strlen(rows[event].description) - 1], '.', "%s", names[event]);
        cr_assert_gt(strlen(rows[event].payload), 0, "%s", names[event]);
    }
}
