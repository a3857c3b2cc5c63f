import 'uplot/dist/uPlot.min.css';
import './style.css';

import { render } from 'preact';

import { App } from './app.tsx';
import { enter } from './session.ts';

render(<App />, document.body);
void enter();
