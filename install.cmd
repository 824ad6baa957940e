@echo off
rem Install Neural Style for GIMP for this user. install.cmd --help lists the options.
rem Looks for a Python that will do, or fetches one, and hands over to installer\, which does the work. ASCII only: code
rem pages differ.
setlocal
set "PYTHONUTF8=1"
set "here=%~dp0"
set "data=%LOCALAPPDATA%\gimp-neural-style"
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
rem One that was fetched before.
for /f "delims=" %%d in ('dir /b /ad "%data%\python\cpython-3*" 2^>nul') do (
    if exist "%data%\python\%%d\python.exe" set python="%data%\python\%%d\python.exe"
)
if defined python goto found
if defined fetched goto nothing
for %%a in (%*) do for %%o in (--offline --doctor --uninstall --help -h) do if "%%~a"=="%%o" goto nothing

rem uv fetches a Python that needs nothing of the system. Its own program is that of its release, whose sum is published
rem beside it: a zip archive, which Windows' tar reads.
set "fetched=%data%\download-uv"
set "uv=0.12.16"
set "url=https://github.com/astral-sh/uv/releases/download/%uv%/uv-x86_64-pc-windows-msvc.zip"
set "sum=f730454bf09019754e5e5abd71a8aa18683cb739cba0d9c720bac2e7c901160f"
if /i not "%PROCESSOR_ARCHITECTURE%"=="AMD64" goto nothing
for %%p in (curl.exe tar.exe certutil.exe) do if "%%~$PATH:p"=="" goto nothing
echo There is no Python 3.10 to 3.14 (64 bits) here: fetching one for this program alone, with uv %uv%
for %%d in ("%data%" "%fetched%") do if not exist %%d mkdir %%d
curl.exe --fail --location --silent --show-error --output "%fetched%\uv.zip" "%url%" || goto unfetched
certutil.exe -hashfile "%fetched%\uv.zip" SHA256 | findstr /i /x "%sum%" >nul || goto another
tar.exe -xf "%fetched%\uv.zip" -C "%fetched%" || goto unfetched
set "UV_PYTHON_INSTALL_DIR=%data%\python"
set "UV_CACHE_DIR=%fetched%\cache"
"%fetched%\uv.exe" python install --no-config --no-bin --no-registry 3.13
:unfetched
rmdir /s /q "%fetched%"
rmdir "%data%" 2>nul
goto none

:another
rmdir /s /q "%fetched%"
rmdir "%data%" 2>nul
echo uv, which was fetched, is not what it should be: its SHA-256 is another one. 1>&2
echo Try again; if it stays so, something on the way here changes it: install a Python yourself. 1>&2

:nothing
echo Python 3.10 to 3.14 (64 bits) was not found; the Microsoft Store's does not do. 1>&2
echo Get it from https://www.python.org/downloads/windows/ or with: winget install Python.Python.3.13 1>&2
echo Then run install.cmd again. 1>&2
set "status=1"
goto end

:found
%python% -E -s -B -X utf8 "%here%installer\__main__.py" %*
set "status=%errorlevel%"
rem What ran the uninstallation could not be removed by it.
if not "%~1"=="--uninstall" goto end
if exist "%data%\venv" goto end
rmdir /s /q "%data%\python" 2>nul
del /q "%data%\.lock" 2>nul
rmdir "%data%" 2>nul

:end
rem The window that a double click opens would close before anything was read.
if "%~1"=="" pause
exit /b %status%
