@echo off
rem Install Neural Style for GIMP for this user. install.cmd --help lists the options.
rem Looks for a Python that will do and hands over to installer\, which does the work. ASCII only: code pages differ.
setlocal
set "PYTHONUTF8=1"
set "here=%~dp0"
if not exist "%here%installer\__main__.py" (
    echo This copy of the project is incomplete: "%here%installer" is missing. Unpack the whole archive. 1>&2
    exit /b 1
)
set "will_do=import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info < (3, 15) or sys.maxsize < 2**32 or 'WindowsApps' in sys.base_prefix)"

rem The launcher that python.org's installer brings knows the Pythons that are there.
for %%v in (3.13 3.12 3.11 3.10 3.14) do (
    py -%%v -E -s -c "%will_do%" >nul 2>nul && (
        set "python=py -%%v"
        goto found
    )
)
rem Else the one on PATH, unless it is the Microsoft Store's: that only opens the Store, or keeps its files in a place of its own.
for %%p in (python.exe) do set "named=%%~$PATH:p"
if not defined named goto none
if not "%named:WindowsApps=%"=="%named%" goto none
"%named%" -E -s -c "%will_do%" >nul 2>nul || goto none
set python="%named%"
goto found

:none
echo Python 3.10 to 3.14 (64 bits) was not found; the Microsoft Store's does not do. 1>&2
echo Get it from https://www.python.org/downloads/windows/ or with: winget install Python.Python.3.13 1>&2
echo Then run install.cmd again. 1>&2
set "status=1"
goto end

:found
%python% -E -s -B -X utf8 "%here%installer\__main__.py" %*
set "status=%errorlevel%"

:end
rem The window that a double click opens would close before anything was read.
if "%~1"=="" pause
exit /b %status%
