/* python.exe. Beside a pyvenv.cfg it starts the one that the environment was made with, as Windows' own launcher does. */
#include <windows.h>
#include <stdio.h>
#include <wchar.h>

typedef int (*main_t)(int, wchar_t **);

static int run_in(const wchar_t *home, const wchar_t *own) {
    static wchar_t program[4096], line[32768];
    STARTUPINFOW how = {sizeof how};
    PROCESS_INFORMATION started;
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {0};
    HANDLE job = CreateJobObjectW(0, 0);
    DWORD status = 112;
    _snwprintf(program, 4095, L"%ls\\python.exe", home);
    wcsncpy(line, GetCommandLineW(), 32767);
    SetEnvironmentVariableW(L"__PYVENV_LAUNCHER__", own);
    GetStartupInfoW(&how);
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK;
    SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits);
    if (!CreateProcessW(program, line, 0, 0, TRUE, CREATE_SUSPENDED, 0, 0, &how, &started)) return 113;
    AssignProcessToJobObject(job, started.hProcess);
    ResumeThread(started.hThread);
    WaitForSingleObject(started.hProcess, INFINITE);
    GetExitCodeProcess(started.hProcess, &status);
    return (int) status;
}

int wmain(int argc, wchar_t **argv) {
    static wchar_t own[4096], settings[4096], line[4096];
    GetModuleFileNameW(0, own, 4095);
    wcscpy(settings, own);
    *wcsrchr(settings, L'\\') = 0;
    if (wcsrchr(settings, L'\\')) {
        wcscpy(wcsrchr(settings, L'\\') + 1, L"pyvenv.cfg");
        FILE *file = _wfopen(settings, L"r, ccs=UTF-8");
        while (file && fgetws(line, 4096, file)) {
            if (wcsncmp(line, L"home = ", 7)) continue;
            line[wcscspn(line, L"\r\n")] = 0;
            return run_in(line + 7, own);
        }
    }
    HMODULE library = LoadLibraryW(L"python313.dll");
    main_t start = library ? (main_t) GetProcAddress(library, "Py_Main") : 0;
    return start ? start(argc, argv) : 111;
}
