import { element, text } from './element.ts';
import { Rest } from './rest.ts';
import { MashupRuntime } from './runtime.ts';

const MOST_NOTICES = 4;

/** The page: login, the list of mashups, or the mashup that the address names. */
class Viewer {
  readonly #rest = new Rest();
  readonly #main = document.getElementById('main') as HTMLElement;
  #running: MashupRuntime | undefined;

  start(): void {
    window.addEventListener('hashchange', () => void this.#show());
    document.getElementById('logout')?.addEventListener('click', () => {
      void this.#rest.logout().then(() => this.#show());
    });
    void this.#show();
  }

  async #show(): Promise<void> {
    this.#running?.stop();
    this.#running = undefined;
    const user = await this.#rest.user();
    (document.getElementById('user') as HTMLElement).textContent = user;
    (document.getElementById('logout') as HTMLElement).hidden = user === '';
    if (user === '') {
      this.#main.replaceChildren(this.#loginForm());
      return;
    }
    const { mashup, ...parameters } = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
    if (mashup === undefined) await this.#list();
    else await this.#run(mashup, parameters);
  }

  async #run(name: string, parameters: Record<string, string>): Promise<void> {
    try {
      const { mashupContent } = await this.#rest.mashup(name);
      this.#main.replaceChildren();
      document.title = `${name} - Mashup viewer`;
      this.#running = new MashupRuntime(JSON.parse(mashupContent), {
        rest: this.#rest,
        parameters,
        navigate: (target, given) => {
          const hash = new URLSearchParams({ mashup: target });
          for (const [key, value] of Object.entries(given)) hash.set(key, text(value));
          location.hash = hash.toString();
        },
        notice,
      });
      this.#running.start(this.#main);
    } catch (error) {
      this.#main.replaceChildren(
        element('p', 'page', `The mashup ${name} cannot be shown: ${(error as Error).message}`),
      );
    }
  }

  async #list(): Promise<void> {
    const { rows } = await this.#rest.mashups();
    const items = rows.map((row) => {
      const link = element('a', '', text(row['name']));
      link.href = `#${new URLSearchParams({ mashup: text(row['name']) })}`;
      return element('li', '', link, ` ${text(row['description'])}`);
    });
    this.#main.replaceChildren(
      element('div', 'page', element('h1', '', 'Mashups'), element('ul', '', ...items)),
    );
  }

  #loginForm(): HTMLElement {
    const user = element('input');
    user.autocomplete = 'username';
    const password = element('input');
    password.type = 'password';
    password.autocomplete = 'current-password';
    const problem = element('div', 'problem');
    problem.setAttribute('role', 'alert');
    const submit = element('button', 'primary', 'Log in');
    const form = element(
      'form',
      'page login',
      element('label', 'field', 'User', user),
      element('label', 'field', 'Password', password),
      submit,
      problem,
    );
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#rest.login(user.value, password.value).then(
        () => this.#show(),
        (error: Error) => {
          problem.textContent = error.message;
        },
      );
    });
    return form;
  }
}

function notice(content: string, kind: 'info' | 'warning' | 'error'): void {
  const area = document.getElementById('notices') as HTMLElement;
  const close = element('button', 'tertiary', '×');
  close.ariaLabel = 'Close';
  const shown = element('div', `notice ${kind}`, element('span', '', content), close);
  close.addEventListener('click', () => shown.remove());
  area.append(shown);
  while (area.childElementCount > MOST_NOTICES) area.firstElementChild?.remove();
}

new Viewer().start();
